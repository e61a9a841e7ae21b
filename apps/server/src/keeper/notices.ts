/**
 * Publishes what happened to endpoints and deliveries as events of the operator's own application, so that they are signed, retried and kept like any
 * other. An event's id follows from its notice's, so a crash between the publish and the note of it doubles nothing.
 */
import { ENVIRONMENTS, type Environment, type EventToPublish, type Notice, type Store } from '../store/store.ts';
import type { Chore, ChoreContext } from './keeper.ts';
import { Pace } from './pace.ts';

/** The uid of the application whose endpoints are the operator's own. */
export const OPERATOR_UID = 'posthorn-operator';

export function noticesChore(context: ChoreContext): Chore {
  const { store, clock, lookMs, wake } = context;
  const pace = new Pace(clock);
  let isReady = false;
  return {
    name: 'notices',
    async step() {
      if (!isReady) await makeApplication(store);
      isReady = true;
      const rows = await pace.step((limit) => handle(context, limit));
      if (rows === null) {
        // Somebody has deleted the application meanwhile.
        isReady = false;
        return { rows: 0, nextMs: 0 };
      }
      if (rows > 0) wake('mails');
      return { rows, nextMs: rows > 0 ? pace.tookMs : lookMs };
    },
  };
}

/** Publishes the oldest of those that wait. @returns how many; null: the operator's application is gone */
async function handle({ store, mailer }: ChoreContext, limit: number): Promise<number | null> {
  const notices = await store.notices.waiting(limit);
  if (notices.length === 0) return 0;
  for (const environment of ENVIRONMENTS) {
    const those = notices.filter((notice) => notice.environment === environment && tells(notice));
    if (!(await publish(store, environment, those.map(eventOf)))) return null;
  }
  const now = await store.now();
  const isMailed = (notice: Notice): boolean => mailer !== null && notice.kind !== 'delivery.failed' && tells(notice);
  await store.notices.handled(notices.map((notice) => ({ id: notice.id, mailAt: isMailed(notice) ? now : null })));
  return notices.length;
}

async function makeApplication(store: Store): Promise<void> {
  if ((await store.applications.get(OPERATOR_UID)) === null) await store.applications.create({ uid: OPERATOR_UID, name: 'Operator' });
}

/** What happens to the operator's own endpoints is not told to them: it would not end. */
function tells({ application }: Notice): boolean {
  return application.uid !== OPERATOR_UID;
}

/** @returns false: the operator's application is gone */
async function publish(store: Store, environment: Environment, events: readonly EventToPublish[]): Promise<boolean> {
  let left = [...events];
  while (left.length > 0) {
    const result = await store.publish({ environment, events: left, idempotency: null });
    if (result.kind === 'unknown_application') return false;
    if (result.kind === 'id_conflict') {
      // Published before a crash, in other words: its endpoint has another URL since.
      left = left.toSpliced(result.index, 1);
      continue;
    }
    return true;
  }
  return true;
}

function eventOf(notice: Notice): EventToPublish {
  return {
    application: OPERATOR_UID,
    type: notice.kind,
    data: JSON.stringify(notice.delivery === null ? endpointData(notice) : deliveryData(notice, notice.delivery)),
    // That an endpoint recovered is to arrive after that it failed.
    orderingKey: notice.delivery === null ? notice.endpoint.id : null,
    id: `evt_${notice.id.slice('ntc_'.length)}`,
  };
}

function endpointData({ endpoint, application, detail, at }: Notice): object {
  return {
    endpoint: { ...endpoint, application },
    failing_since: timestamp(detail.failingSince),
    consecutive_failures: detail.failures,
    last_failure: detail.lastFailure,
    at: timestamp(at),
  };
}

function deliveryData({ endpoint, application, detail, at }: Notice, delivery: NonNullable<Notice['delivery']>): object {
  return {
    delivery: {
      id: delivery.id,
      event: delivery.event,
      event_type: delivery.eventType,
      ordering_key: delivery.orderingKey,
      attempt_count: delivery.attemptCount,
      reason: detail.reason,
      created_at: timestamp(delivery.publishedAt),
    },
    endpoint: { ...endpoint, application },
    last_failure: detail.lastFailure,
    at: timestamp(at),
  };
}

function timestamp(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString();
}
