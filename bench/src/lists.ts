/**
 * Every list of the web app with a million deliveries in SQLite: how long a page takes, the first and one from the middle, with each filter and with filters
 * that nothing fits. SQLite works in the server's own thread, so a page's time is also how long it holds up a dispatch beside it.
 * `npm run bench -- lists [--deliveries 1000000]`
 */
import type { DeliveryFilter, EventFilter, Page } from '../../apps/server/src/store/store.ts';
import { median, openRig, option, startReceiver } from './rig.ts';

const GOAL_MS = 100;
const REPEATS = 5;
/** Of these, some were accepted, and older than all that waits. */
const ACCEPTED = 2_000;
const PAGE = { limit: 50, cursor: null } as const;

export async function lists(args: readonly string[]): Promise<void> {
  const count = option(args, 'deliveries', 1_000_000);
  const rig = await openRig();
  const receiver = await startReceiver();
  try {
    const accepting = await rig.addEndpoint({ url: `${receiver.origin}/one`, eventTypes: ['bench.one'] });
    const reached = receiver.reached('/one', ACCEPTED);
    await rig.fill('bench.one', ACCEPTED);
    await rig.open();
    await reached;
    const waiting = await rig.addEndpoint({ url: `${receiver.origin}/big`, eventTypes: ['bench.big'] });
    const middle = Date.now() + 1;
    await rig.fill('bench.big', Math.floor(count / 2));
    const later = Date.now();
    await rig.fill('bench.big', count - Math.floor(count / 2));

    const { application } = waiting;
    const none = { application, endpoint: null, event: null, status: null, orderingKey: null, since: null, until: null, ...PAGE };
    const deliveries: Readonly<Record<string, Partial<DeliveryFilter>>> = {
      all: {},
      'of all applications': { application: null },
      'status pending': { status: 'pending' },
      'status succeeded (the oldest)': { status: 'succeeded' },
      'status failed (none)': { status: 'failed' },
      'an endpoint': { endpoint: waiting.id },
      'an endpoint, failed (none)': { endpoint: waiting.id, status: 'failed' },
      'the endpoint with the oldest': { endpoint: accepting.id },
      'an ordering key': { orderingKey: 'shp_17' },
      'an ordering key, succeeded': { orderingKey: 'shp_17', status: 'succeeded' },
      'an ordering key (none)': { orderingKey: 'nobody' },
      'an event (none)': { event: 'evt_none' },
      'the first half by time': { since: middle, until: later },
      'the first half by time, failed (none)': { since: middle, until: later, status: 'failed' },
    };
    const noEvent = { application, type: null, orderingKey: null, since: null, until: null, ...PAGE };
    const events: Readonly<Record<string, Partial<EventFilter>>> = {
      all: {},
      'of all applications': { application: null },
      'a type': { type: 'bench.big' },
      'the type of the oldest': { type: 'bench.one' },
      'a type (none)': { type: 'nothing' },
      'an ordering key': { orderingKey: 'shp_17' },
      'an ordering key (none)': { orderingKey: 'nobody' },
      'the first half by time': { since: middle, until: later },
    };
    let slowest = 0;
    const show = async <F extends object>(
      what: string,
      filters: Readonly<Record<string, F>>,
      list: (filter: F) => Promise<Page<unknown>>,
    ) => {
      console.log(`\n${what}`);
      for (const [name, filter] of Object.entries(filters)) {
        const { usual, worst } = await measure(filter, list);
        slowest = Math.max(slowest, usual);
        console.log(`${usual.toFixed(1).padStart(8)} ms, once ${worst.toFixed(1)} ms: ${name}`);
      }
    };
    await show('deliveries', deliveries, (filter) => rig.store.deliveries.list('sandbox', { ...none, ...filter }));
    await show('events', events, (filter) => rig.store.events.list('sandbox', { ...noEvent, ...filter }));
    console.log(`\n${count} deliveries: the slowest list takes ${slowest.toFixed(1)} ms (goal at most ${GOAL_MS})`);
    process.exitCode = slowest <= GOAL_MS ? 0 : 1;
  } finally {
    receiver.stop();
    await rig.close();
  }
}

/** Three pages of a list, some times over: the median of the tries, each the slowest of its pages, and the slowest of all, which other programs have a part in. */
async function measure<F extends object>(
  filter: F,
  list: (filter: F & { cursor?: string | null }) => Promise<Page<unknown>>,
): Promise<{ readonly usual: number; readonly worst: number }> {
  const tries: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    let slowest = 0;
    let cursor: string | null = null;
    for (let page = 0; page < 3; page += 1) {
      const startedAt = performance.now();
      const { nextCursor }: Page<unknown> = await list({ ...filter, cursor });
      slowest = Math.max(slowest, performance.now() - startedAt);
      cursor = nextCursor;
      if (cursor === null) break;
    }
    tries.push(slowest);
  }
  return { usual: median(tries), worst: Math.max(...tries) };
}
