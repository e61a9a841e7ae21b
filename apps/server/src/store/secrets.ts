/**
 * Rotating an endpoint's signing secret, as a pure function of stored state and clock (CONTRACT §1): no timer promotes anything, reading does.
 *
 *   current ──rotate──▶ current + next ──promote, or the overlap ends──▶ next is current, the old one still valid for one overlap more
 */
import type { EndpointSecrets } from './store.ts';

/** What is stored, sealed. Instants are epoch milliseconds. */
export interface SecretState {
  readonly current: string;
  readonly next: { readonly secret: string; readonly promotesAt: number; readonly overlapMs: number } | null;
  readonly previous: { readonly secret: string; readonly validUntil: number } | null;
}

export function firstSecret(secret: string): SecretState {
  return { current: secret, next: null, previous: null };
}

/** The state as it is at `now`: a next secret whose time has come is current, an old one whose time is over is gone. */
function stateAt(state: SecretState, now: number): SecretState {
  const { next } = state;
  const promoted: SecretState =
    next !== null && next.promotesAt <= now
      ? { current: next.secret, next: null, previous: { secret: state.current, validUntil: next.promotesAt + next.overlapMs } }
      : state;
  return promoted.previous !== null && promoted.previous.validUntil <= now ? { ...promoted, previous: null } : promoted;
}

/** The secrets in force at `now`. */
export function secretsAt(state: SecretState, now: number): EndpointSecrets {
  const { current, next, previous } = stateAt(state, now);
  return { current, next: next === null ? null : { secret: next.secret, promotesAt: next.promotesAt }, previous };
}

/** Makes `secret` the next one, or at once the current one where `overlapMs` is 0. Null: a rotation is under way. */
export function rotate(
  state: SecretState,
  now: number,
  options: { readonly secret: string; readonly overlapMs: number },
): SecretState | null {
  const at = stateAt(state, now);
  if (at.next !== null) return null;
  if (options.overlapMs === 0) return firstSecret(options.secret);
  return { ...at, next: { secret: options.secret, promotesAt: now + options.overlapMs, overlapMs: options.overlapMs } };
}

/** Makes the next secret the current one now. Null: there is none. */
export function promote(state: SecretState, now: number): SecretState | null {
  const { current, next } = stateAt(state, now);
  if (next === null) return null;
  return { current: next.secret, next: null, previous: { secret: current, validUntil: now + next.overlapMs } };
}
