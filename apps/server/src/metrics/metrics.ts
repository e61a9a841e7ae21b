/**
 * What this process and its database are doing, for Prometheus. Counters count what this process did; what is in the database (the oldest pending,
 * lanes by breaker state) is read when it is asked for, and is the same whichever process is asked. While the database is away, the rest is there.
 */
import { BREAKER_STATES } from '@posthorn/core';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Dispatcher } from '../dispatcher/dispatcher.ts';
import type { DispatcherObserver } from '../dispatcher/options.ts';
import type { KeeperObserver } from '../keeper/keeper.ts';
import { type Store, StoreUnavailable } from '../store/store.ts';
import { observeStore } from './observed-store.ts';

export interface Metrics {
  readonly observer: DispatcherObserver;
  readonly keeperObserver: KeeperObserver;
  /** The same store, timed. */
  observe(store: Store): Store;
  /** Reads the database's figures from here when they are asked for; the dispatcher's too, where this process has one. */
  watch(sources: { readonly store: Store; readonly dispatcher: Dispatcher | null }): void;
  /** In Prometheus' text format. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const LAG_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const ATTEMPT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30];
const STORE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** How long to wait for the database's figures: below the 10 s for which Prometheus waits. */
const DATABASE_PATIENCE_MS = 3_000;

export function createMetrics(options: { readonly version: string }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'posthorn_' });
  const named = <T extends object>(metric: T): T & { name: string; registers: Registry[] } =>
    ({ ...metric, registers: [registry] }) as T & { name: string; registers: Registry[] };

  new Gauge(named({ name: 'posthorn_build_info', help: 'The version that runs', labelNames: ['version'] })).set(
    { version: options.version },
    1,
  );
  const published = new Counter(named({ name: 'posthorn_published_total', help: 'Events accepted', labelNames: ['environment'] }));
  const attempts = new Counter(
    named({ name: 'posthorn_attempts_total', help: 'Attempts by what they came to', labelNames: ['environment', 'outcome'] }),
  );
  const duration = new Histogram(
    named({ name: 'posthorn_attempt_seconds', help: 'How long attempts took', labelNames: ['environment'], buckets: ATTEMPT_SECONDS }),
  );
  const lag = new Histogram(
    named({
      name: 'posthorn_gate_lag_seconds',
      help: 'How long after its gate (or its publish, where that came later) a first attempt started',
      labelNames: ['environment'],
      buckets: LAG_SECONDS,
    }),
  );
  const takeovers = new Counter(named({ name: 'posthorn_takeovers_total', help: 'Lanes taken over from a holder whose lease had ended' }));
  const refused = new Counter(
    named({ name: 'posthorn_settles_refused_total', help: 'Settles of a lane that was somebody else’s by then' }),
  );
  const storeSeconds = new Histogram(
    named({ name: 'posthorn_store_seconds', help: 'How long the store took', labelNames: ['operation'], buckets: STORE_SECONDS }),
  );

  const keeperSeconds = new Histogram(
    named({
      name: 'posthorn_keeper_step_seconds',
      help: 'How long the steps of jobs, expiry, retention and the like took',
      labelNames: ['chore'],
      buckets: STORE_SECONDS,
    }),
  );
  const keeperRows = new Counter(
    named({
      name: 'posthorn_keeper_rows_total',
      help: 'Deliveries sent again by jobs, deliveries expired, rows removed, notices published, mails sent',
      labelNames: ['chore'],
    }),
  );

  const databaseUp = new Gauge(
    named({ name: 'posthorn_database_up', help: 'Whether the database gave its figures; 0: they are left out here' }),
  );
  // Of their own, since figures that were read some time ago would pass for those of now.
  const ofDatabase = new Registry();
  let readDatabase = async (): Promise<void> => {};

  return {
    observer: {
      attempt({ environment, outcome, ms }) {
        attempts.inc({ environment, outcome });
        duration.observe({ environment }, ms / 1000);
      },
      gateLag: (environment, ms) => lag.observe({ environment }, ms / 1000),
      takenOver: () => takeovers.inc(),
      settleRefused: () => refused.inc(),
    },
    keeperObserver: {
      step({ chore, ms, rows }) {
        keeperSeconds.observe({ chore }, ms / 1000);
        keeperRows.inc({ chore }, rows);
      },
    },
    observe: (store) =>
      observeStore(store, {
        operation: (operation, seconds) => storeSeconds.observe({ operation }, seconds),
        published: (environment, events) => published.inc({ environment }, events),
      }),
    watch({ store, dispatcher }) {
      readDatabase = databaseGauges((metric) => ({ ...named(metric), registers: [ofDatabase] }), store);
      if (dispatcher !== null) watchDispatcher(named, dispatcher);
    },
    async text() {
      const up = await answersInTime(readDatabase());
      databaseUp.set(up ? 1 : 0);
      const own = await registry.metrics();
      return { contentType: registry.contentType, body: up ? own + (await ofDatabase.metrics()) : own };
    },
  };
}

/** @returns whether it did what it was asked, within DATABASE_PATIENCE_MS; any other error is a fault of ours and thrown */
async function answersInTime(asked: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), DATABASE_PATIENCE_MS);
  });
  const answered = asked.then(
    () => true,
    (error: unknown) => {
      if (error instanceof StoreUnavailable) return false;
      throw error;
    },
  );
  return Promise.race([answered, late]).finally(() => clearTimeout(timer));
}

type Named = <T extends object>(metric: T) => T & { name: string; registers: Registry[] };

/** @returns what reads the database once for all of its gauges */
function databaseGauges(named: Named, store: Store): () => Promise<void> {
  const oldest = new Gauge(
    named({
      name: 'posthorn_oldest_pending_seconds',
      help: 'Since when the oldest pending delivery waits; 0: none does',
      labelNames: ['environment'],
    }),
  );
  const lanes = new Gauge(named({ name: 'posthorn_lanes', help: 'Endpoints by the state of their breaker', labelNames: ['breaker'] }));
  const leased = new Gauge(named({ name: 'posthorn_lanes_leased', help: 'Lanes that some dispatcher holds' }));
  const notices = new Gauge(named({ name: 'posthorn_notices_waiting', help: 'Notices that are not published yet' }));
  const outbox = new Gauge(
    named({
      name: 'posthorn_outbox_rows',
      help: 'Rows of the outbox: waiting to be taken, or refused and set aside',
      labelNames: ['state'],
    }),
  );
  const jobs = new Gauge(named({ name: 'posthorn_jobs_unfinished', help: 'Jobs that have not ended' }));
  return async () => {
    const figures = await store.figures();
    for (const { environment, oldestPendingAt } of figures.environments) {
      oldest.set({ environment }, oldestPendingAt === null ? 0 : Math.max(0, figures.now - oldestPendingAt) / 1000);
    }
    for (const state of BREAKER_STATES) lanes.set({ breaker: state }, figures.breakers[state]);
    leased.set(figures.lanesLeased);
    notices.set(figures.noticesWaiting);
    outbox.set({ state: 'waiting' }, figures.outbox.waiting);
    outbox.set({ state: 'refused' }, figures.outbox.refused);
    jobs.set(figures.jobsUnfinished);
  };
}

function watchDispatcher(named: Named, dispatcher: Dispatcher): void {
  new Gauge(
    named({
      name: 'posthorn_in_flight',
      help: 'Webhook requests in flight',
      collect(this: Gauge) {
        this.set(dispatcher.figures().inFlight);
      },
    }),
  );
  new Gauge(
    named({
      name: 'posthorn_lanes_held',
      help: 'Lanes that this dispatcher holds',
      collect(this: Gauge) {
        this.set(dispatcher.figures().lanesHeld);
      },
    }),
  );
}
