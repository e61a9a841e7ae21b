/** One attempt: a request, what its outcome means for the delivery and its lane, and the record of it. */
import { type AttemptId, DEFAULT_RETRY_SCHEDULE, newId, outcomeErrorCode, type Settlement, settle } from '@posthorn/core';
import type { DeliverRequest, Sender } from '../sender/sender.ts';
import type { DeliveryBody, Endpoint, EndpointSecrets, SettledAttempt } from '../store/store.ts';
import type { Departure } from './departures.ts';
import type { Gates } from './gates.ts';
import type { LaneRun } from './lane-run.ts';
import type { DispatcherLog, DispatcherObserver } from './options.ts';
import type { Settlements } from './settlements.ts';

interface AttemptsOptions {
  readonly sender: Sender;
  /** Dice: [0, 1). */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly userAgent: string;
  readonly disableAfterMs: number;
  readonly gates: Gates;
  readonly settlements: Settlements;
  readonly log: DispatcherLog;
  readonly observer: DispatcherObserver;
  readonly tend: (run: LaneRun) => void;
  /** Told last: what the attempt came to is known, and not on disk yet. */
  readonly onAnswer: (departure: Departure) => void;
}

type Result = Awaited<ReturnType<Sender['deliver']>>;

/** A request that is out. */
interface Sent {
  readonly departure: Departure;
  readonly body: DeliveryBody;
  readonly attemptId: AttemptId;
  /** The delivery's first, which waited for its gate. */
  readonly first: boolean;
  /** As it was when the request left. */
  readonly endpoint: Endpoint;
  /** Of the endpoint's health, then. */
  readonly epoch: number;
}

export class Attempts {
  readonly #options: AttemptsOptions;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  start(departure: Departure, body: DeliveryBody): void {
    const { run, delivery } = departure;
    const { sender, userAgent, gates, observer, randomBytes } = this.#options;
    const { endpoint, secrets } = run.target;
    const attemptId = newId('att_', delivery.publishedAt, randomBytes(10));
    const first = delivery.dueAt === null && !delivery.byHand;
    const sent: Sent = { departure, body, attemptId, first, endpoint, epoch: run.state.epoch };
    if (first) observer.gateLag(endpoint.environment, gates.lagOf(run, delivery));
    sender
      .deliver({
        url: endpoint.url,
        body: body.body,
        eventId: body.eventId,
        secrets: signingSecrets(secrets),
        customHeaders: endpoint.headers,
        late: body.late,
        userAgent,
      })
      .then((result) => this.#answer(sent, result))
      .catch((error: unknown) => {
        // send() answers with a value whatever the network does; an exception here is a fault of this program.
        queueMicrotask(() => {
          throw error;
        });
      });
  }

  #answer(sent: Sent, result: Result): void {
    const { departure, endpoint, epoch } = sent;
    const { run, delivery, probe } = departure;
    const { gates, random, disableAfterMs, settlements, observer, log, tend, onAnswer } = this.#options;
    const { outcome } = result;
    const { seq, failures, dueAt, byHand, resent } = delivery;
    const former = run.state.epoch !== epoch;
    const decision = settle({ seq, failures, dueAt, byHand, resent, probe, former, health: run.state }, outcome, {
      now: gates.now(),
      random: random(),
      schedule: endpoint.retrySchedule ?? DEFAULT_RETRY_SCHEDULE,
      disableAfterMs,
    });
    const { delivery: end, lane } = decision;
    run.state = { ...run.state, ...lane.health };
    if (lane.disable !== null) run.bar();
    if (outcome.kind === 'accepted') run.accepted(delivery, gates.context(run));
    else run.rejected();
    const record = recordOf(sent, result, decision);
    settlements.add(run, record, {
      disable: lane.disable,
      onSettled: ({ lookAnew }) => {
        const stillPending = end.status === 'pending';
        const told = { accepted: end.status === 'succeeded', stillPending, dueAt: stillPending ? end.dueAt : null, lookAnew };
        run.settled(delivery, told, gates.context(run));
        tend(run);
      },
    });
    observer.attempt({ environment: endpoint.environment, outcome: record.error ?? 'accepted', ms: result.durationMs });
    log.attempt(lineOf(sent, record));
    tend(run);
    onAnswer(departure);
  }
}

/** What the store keeps of it. */
function recordOf(
  { departure, attemptId, first, epoch }: Sent,
  { startedAt, durationMs, outcome, response, timings }: Result,
  { delivery: end, lane }: Settlement,
): SettledAttempt {
  const { seq, wish, revivedAt } = departure.delivery;
  return {
    seq,
    attemptId,
    startedAt,
    durationMs,
    error: outcomeErrorCode(outcome),
    detail: outcome.kind === 'transport_error' ? outcome.detail : null,
    responseStatus: response?.status ?? null,
    responseHeaders: response?.headers ?? null,
    responseBody: response?.body ?? null,
    responseTruncated: response?.bodyTruncated ?? false,
    timings,
    wish,
    revivedAt,
    epoch,
    first,
    end,
    notices: end.status === 'failed' ? ['delivery.failed', ...lane.notices] : lane.notices,
  };
}

function lineOf(
  { departure, body, endpoint }: Sent,
  { attemptId, error, responseStatus, durationMs, end }: SettledAttempt,
): Readonly<Record<string, unknown>> {
  return {
    delivery: body.id,
    attempt: attemptId,
    event: body.eventId,
    type: body.eventType,
    endpoint: endpoint.id,
    application: endpoint.application,
    environment: endpoint.environment,
    number: departure.delivery.attemptCount + 1,
    outcome: error ?? 'accepted',
    status: responseStatus,
    ms: Math.round(durationMs),
    delivery_status: end.status,
  };
}

const signing = new WeakMap<EndpointSecrets, DeliverRequest['secrets']>();

/** One object for as long as the endpoint's secrets stay as they are: the sender knows the endpoint by it. */
function signingSecrets(secrets: EndpointSecrets): DeliverRequest['secrets'] {
  let known = signing.get(secrets);
  if (known === undefined) {
    const others = [secrets.next?.secret, secrets.previous?.secret].filter((secret) => secret !== undefined);
    known = { current: secrets.current, others };
    signing.set(secrets, known);
  }
  return known;
}
