/**
 * Publishing as group commit: requests that come while a group is on its way form the next one, and share its transaction and its sync. A group takes
 * two round trips, whatever its size: one to look (applications, repeated ids, idempotency keys), one to write. Whether a request is refused is decided in between,
 * so a refused one costs the others nothing and no savepoint is needed.
 */
import { DatabaseError } from 'pg';
import { type PublishRequest, type PublishResult, StoreUnavailable } from '../store.ts';
import type { PostgresContext } from './context.ts';
import { ensurePartitions } from './partitions.ts';
import { PublishLookup } from './publish-lookup.ts';
import { PublishPlan } from './publish-plan.ts';
import { writeStatements } from './publish-write.ts';

/** Enough to share a sync widely; few enough that a group does not make the next one wait for long. */
const EVENTS_PER_GROUP = 2_000;
const BYTES_PER_GROUP = 16 * 1024 * 1024;
/** Somebody else published the same id or key at the same moment, or a week has begun: the next look sees it. */
const MOST_TRIES = 5;
/** Longer than a dispatcher sleeps. */
const HINT_WITHIN_MS = 6_000;

interface Waiting {
  readonly request: PublishRequest;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
}

export function postgresPublish(context: PostgresContext): (request: PublishRequest) => Promise<PublishResult> {
  const lookup = new PublishLookup(context);
  let queue: Waiting[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (queue.length > 0) {
      const group = nextGroup(queue);
      queue = queue.slice(group.length);
      try {
        const results = await publishGroup(
          context,
          lookup,
          group.map(({ request }) => request),
        );
        for (const [index, { resolve }] of group.entries()) resolve(results[index] as PublishResult);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    running = false;
  }

  return (request) =>
    new Promise((resolve, reject) => {
      queue.push({ request, resolve, reject });
      if (running) return;
      running = true;
      // Requests that were read in the same turn of the loop go together.
      setImmediate(() => {
        run().catch(reject);
      });
    });
}

function nextGroup(queue: readonly Waiting[]): Waiting[] {
  let events = 0;
  let bytes = 0;
  const end = queue.findIndex(({ request }, index) => {
    events += request.events.length;
    for (const { data } of request.events) bytes += data.length;
    return index > 0 && (events > EVENTS_PER_GROUP || bytes > BYTES_PER_GROUP);
  });
  return queue.slice(0, end === -1 ? queue.length : end);
}

async function publishGroup(
  context: PostgresContext,
  lookup: PublishLookup,
  requests: readonly PublishRequest[],
): Promise<PublishResult[]> {
  for (let tries = 1; ; tries += 1) {
    const now = await context.clock.now();
    const plan = new PublishPlan(await lookup.look(requests, now), { now, randomBytes: context.randomBytes });
    const results = requests.map((request) => plan.add(request));
    try {
      await context.hot.batch(writeStatements(plan));
    } catch (error) {
      if (!(await mended(context, error, now))) throw error;
      if (tries === MOST_TRIES) throw new StoreUnavailable('others publish the same ids all the time', { cause: error });
      continue;
    }
    hintSoon(context, plan);
    return results;
  }
}

/** Others look by themselves every few seconds; what may leave sooner is worth a hint. */
export function hintSoon(context: PostgresContext, { earliestTick, now }: PublishPlan): void {
  if (earliestTick !== null && earliestTick <= now + HINT_WITHIN_MS) context.hint({ kind: 'work' });
}

const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';

/** Whether the same again may work. */
export async function mended({ db }: PostgresContext, error: unknown, now: number): Promise<boolean> {
  if (!(error instanceof DatabaseError)) return false;
  if (error.code === CHECK_VIOLATION && /no partition/.test(error.message)) {
    await ensurePartitions(db, [now]);
    return true;
  }
  return error.code === UNIQUE_VIOLATION;
}
