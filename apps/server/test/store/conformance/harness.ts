/** What the conformance suite needs of an engine, and the few steps that most of its tests begin with. */
import { type ApplicationId, HEALTHY } from '@posthorn/core';
import type {
  DeliveryFilter,
  Endpoint,
  EndpointSettings,
  Environment,
  EventToPublish,
  LaneState,
  LeasedLane,
  PublishedEvent,
  ScannedDelivery,
  SettledAttempt,
  Store,
} from '../../../src/store/store.ts';

/** A clock that moves only when told to. */
export interface TestClock {
  now: number;
}

export interface OpenedStore {
  readonly store: Store;
  readonly clock: TestClock;
  /** Closes the store and opens it anew on the same data, as a restart does. */
  reopen(): Promise<Store>;
  dispose(): Promise<void>;
}

export type OpenStore = () => Promise<OpenedStore>;

export const START = Date.UTC(2026, 10, 23, 10, 0, 1);
export const SECRET = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

export const SETTINGS: EndpointSettings = {
  url: 'https://example.com/hook',
  description: '',
  eventTypes: [],
  headers: {},
  cadence: null,
  ordering: 'key',
  rateLimit: null,
  maxInFlight: 8,
  retrySchedule: null,
};

/** A lane of which there is nothing to remember. */
export const CALM: LaneState = { ...HEALTHY, rateAt: 0, epoch: 0 };

/** Cadences as the contract's defaults have them, and an application with the uid `acme`. */
export async function prepare(store: Store): Promise<ApplicationId> {
  await store.environments.setCadence('production', 'every 30m');
  await store.environments.setCadence('sandbox', 'every 5m');
  const { application } = await store.applications.upsert({ uid: 'acme', name: 'Acme' });
  return application.id;
}

export async function addEndpoint(
  store: Store,
  application: ApplicationId,
  settings: Partial<EndpointSettings> = {},
  environment: Environment = 'sandbox',
): Promise<Endpoint> {
  const endpoint = await store.endpoints.create({ application, environment, settings: { ...SETTINGS, ...settings }, secret: SECRET });
  if (endpoint === null || endpoint === 'limit') throw new Error('the application is gone');
  return endpoint;
}

export function event(more: Partial<EventToPublish> = {}): EventToPublish {
  return { application: 'acme', type: 'shipment.created', data: '{"n":17.0}', orderingKey: null, id: null, ...more };
}

export async function publish(store: Store, ...events: EventToPublish[]): Promise<PublishedEvent[]> {
  const result = await store.publish({ environment: 'sandbox', events, idempotency: null });
  if (result.kind !== 'published') throw new Error(`not published: ${result.kind}`);
  return result.events;
}

/** Leases what is due at `gate`, for every group. */
export async function lease(
  store: Store,
  gate: number,
  options: { readonly holder?: string; readonly leaseMs?: number } = {},
): Promise<LeasedLane[]> {
  const { groups } = await store.lanes.outlook();
  return store.lanes.lease({
    holder: options.holder ?? 'one',
    leaseMs: options.leaseMs ?? 30_000,
    limits: { proven: 100, untried: 100, failing: 100 },
    gates: new Map(groups.map(({ group, openedAt }) => [group, Math.max(gate, openedAt)])),
  });
}

let attempts = 0;

export function attempt(seq: number, end: SettledAttempt['end'], more: Partial<SettledAttempt> = {}): SettledAttempt {
  attempts += 1;
  return {
    seq,
    attemptId: `att_${String(attempts).padStart(26, '0')}` as SettledAttempt['attemptId'],
    startedAt: START,
    durationMs: 12,
    error: end.status === 'succeeded' ? null : 'http_status',
    detail: null,
    responseStatus: end.status === 'succeeded' ? 200 : 500,
    responseHeaders: { 'content-type': 'text/plain' },
    responseBody: Buffer.from('body'),
    responseTruncated: false,
    timings: { dns: null, connect: 1, tls: null, first_byte: 10, body: 0 },
    wish: 0,
    revivedAt: null,
    epoch: 0,
    first: true,
    notices: [],
    end,
    ...more,
  };
}

/** Everything that one may ask a list for, which is nothing in particular. */
export const ALL_DELIVERIES: DeliveryFilter = {
  application: null,
  endpoint: null,
  event: null,
  status: null,
  orderingKey: null,
  since: null,
  until: null,
  cursor: null,
  limit: 100,
};

const SCAN_LIMIT = 1_000;

/** Leases whatever is due at `gate` (by default: everything), ends each delivery that a scan finds by one attempt, and releases. @returns how many */
export async function endAll(
  store: Store,
  end: SettledAttempt['end'],
  options: { readonly gate?: number; readonly more?: Partial<SettledAttempt>; readonly only?: (delivery: ScannedDelivery) => boolean } = {},
): Promise<number> {
  const gate = options.gate ?? (await store.now());
  let count = 0;
  for (const held of await lease(store, gate)) {
    const { lane } = held.lease;
    const { deliveries } = await store.lanes.scan({ lane, ordering: held.target.endpoint.ordering, after: 0, limit: SCAN_LIMIT, gate });
    const ended = deliveries.filter(options.only ?? (() => true));
    const { epoch } = held.state;
    const attempts = ended.map(({ seq, wish, revivedAt }) => attempt(seq, end, { wish, revivedAt, epoch, ...options.more }));
    await store.lanes.settle([{ lease: held.lease, attempts, state: CALM, disable: null }]);
    const left = ended.length < deliveries.length || deliveries.length === SCAN_LIMIT || end.status === 'pending';
    await store.lanes.release([{ lease: held.lease, firstAt: left ? START : null, dueAt: null, notBefore: 0, state: CALM }]);
    count += attempts.length;
  }
  return count;
}
