/**
 * The endpoints of a history, each with a temper, and the network before them. What an endpoint saw and what the
 * sender heard of it are two things: an answer can be lost on its way back.
 */
import type { AttemptResponse, Outcome, TransportErrorCode } from '@posthorn/core';
import type { Dice } from './dice.ts';

/** How an endpoint behaves. Durations in milliseconds; instants by the timeline. */
export type Temper =
  | { readonly kind: 'accepts' }
  /** Accepts, but takes its time. */
  | { readonly kind: 'slow'; readonly takesMs: number }
  /** Never answers. */
  | { readonly kind: 'hangs' }
  /** Accepts after the deadline: nobody hears of it. */
  | { readonly kind: 'too-late' }
  | { readonly kind: 'dead'; readonly how: 'status' | 'transport' }
  /** Up and down in turns. */
  | { readonly kind: 'flaps'; readonly everyMs: number }
  /** Down until an instant. */
  | { readonly kind: 'recovers'; readonly at: number }
  /** Always refuses some events, whatever else it accepts. */
  | { readonly kind: 'poisoned'; readonly oneIn: number }
  /** Refuses at random. */
  | { readonly kind: 'shaky'; readonly failing: number }
  /** Accepts some, then answers 410 for ever. */
  | { readonly kind: 'gone'; readonly after: number }
  /** Answers 429 or 503 with Retry-After at random. */
  | { readonly kind: 'busy'; readonly refusing: number; readonly longestS: number }
  /** Takes the event in, and resets the connection instead of answering. */
  | { readonly kind: 'drops'; readonly dropping: number };

/** What came of a request. */
export interface Exchange {
  /** Milliseconds from the request's start until the endpoint has taken it in (or refused it). */
  readonly arrivesMs: number;
  /** Milliseconds from the request's start until the sender hears the outcome. */
  readonly endsMs: number;
  /** The endpoint took the event in. */
  readonly accepted: boolean;
  readonly outcome: Outcome;
  readonly response: AttemptResponse | null;
}

/** The sender's own deadline. */
export const DEADLINE_MS = 30_000;

const REFUSALS = [301, 400, 401, 404, 405, 413, 500, 502] as const;
const TRANSPORT: readonly TransportErrorCode[] = [
  'connect_refused',
  'dns_failure',
  'tls_error',
  'connection_reset',
  'connect_timeout',
  'invalid_response',
];

export class SimulatedEndpoint {
  temper: Temper;
  readonly #dice: Dice;
  #requests = 0;

  constructor(temper: Temper, dice: Dice) {
    this.temper = temper;
    this.#dice = dice;
  }

  /** @param request.now by the timeline; request.wall is the endpoint's own clock, epoch milliseconds */
  answer(request: { readonly eventId: string; readonly now: number; readonly wall: number }): Exchange {
    this.#requests += 1;
    const { temper } = this;
    switch (temper.kind) {
      case 'accepts':
        return this.#accept(this.#dice.between(2, 60));
      case 'slow':
        return this.#accept(temper.takesMs * this.#dice.between(0.5, 1));
      case 'hangs':
        return timeout(false);
      case 'too-late':
        return timeout(true);
      case 'dead':
        return this.#fail(temper.how);
      case 'flaps':
        return Math.floor(request.now / temper.everyMs) % 2 === 0 ? this.#accept(this.#dice.between(2, 60)) : this.#fail();
      case 'recovers':
        return request.now >= temper.at ? this.#accept(this.#dice.between(2, 60)) : this.#fail();
      case 'poisoned':
        return isPoison(request.eventId, temper.oneIn) ? this.#fail('status') : this.#accept(this.#dice.between(2, 60));
      case 'shaky':
        return this.#dice.chance(temper.failing) ? this.#fail() : this.#accept(this.#dice.between(2, 200));
      case 'gone':
        return this.#requests <= temper.after ? this.#accept(this.#dice.between(2, 60)) : this.#refuse(410, null);
      case 'busy':
        return this.#dice.chance(temper.refusing) ? this.#busy(temper.longestS, request.wall) : this.#accept(this.#dice.between(2, 60));
      case 'drops':
        return this.#dice.chance(temper.dropping) ? this.#drop() : this.#accept(this.#dice.between(2, 60));
    }
  }

  #accept(takesMs: number): Exchange {
    const outcome: Outcome = { kind: 'accepted', status: this.#dice.pick([200, 201, 202, 204]) };
    return { arrivesMs: takesMs * 0.7, endsMs: takesMs, accepted: true, outcome, response: response(outcome.status) };
  }

  #refuse(status: number, retryAfter: string | null): Exchange {
    const takesMs = this.#dice.between(2, 60);
    const outcome: Outcome = { kind: 'refused', status, retryAfter };
    return { arrivesMs: takesMs * 0.7, endsMs: takesMs, accepted: false, outcome, response: response(status) };
  }

  #fail(how = this.#dice.pick(['status', 'transport', 'hangs'] as const)): Exchange {
    if (how === 'hangs') return timeout(false);
    if (how === 'status') return this.#refuse(this.#dice.pick(REFUSALS), null);
    const takesMs = this.#dice.between(1, 100);
    const outcome: Outcome = { kind: 'transport_error', code: this.#dice.pick(TRANSPORT), detail: 'simulated' };
    return { arrivesMs: takesMs, endsMs: takesMs, accepted: false, outcome, response: null };
  }

  #busy(longestS: number, wall: number): Exchange {
    const seconds = this.#dice.whole(1, longestS);
    const asDate = this.#dice.chance(0.4);
    return this.#refuse(this.#dice.pick([429, 503]), asDate ? new Date(wall + seconds * 1000).toUTCString() : String(seconds));
  }

  #drop(): Exchange {
    const takesMs = this.#dice.between(2, 60);
    const outcome: Outcome = { kind: 'transport_error', code: 'connection_reset', detail: 'simulated' };
    return { arrivesMs: takesMs * 0.7, endsMs: takesMs, accepted: true, outcome, response: null };
  }
}

/** Whether a poisoned endpoint refuses this event: always the same ones. */
function isPoison(eventId: string, oneIn: number): boolean {
  return Number.parseInt(eventId.slice(1), 10) % oneIn === 0;
}

function timeout(accepted: boolean): Exchange {
  const outcome: Outcome = { kind: 'transport_error', code: 'timeout', detail: 'simulated' };
  return { arrivesMs: DEADLINE_MS + 400, endsMs: DEADLINE_MS, accepted, outcome, response: null };
}

function response(status: number): AttemptResponse {
  return { status, headers: {}, body: new Uint8Array(), bodyTruncated: false };
}
