/** Runs one history from its seed to its end. */
import { type Delivery, ENVIRONMENTS, type Page, type Store } from 'posthorn/src/store/store.ts';
import { Chaos } from './chaos.ts';
import { Dice } from './dice.ts';
import { checkEnding } from './oracle/ending.ts';
import { stopOf } from './oracle/model.ts';
import { People } from './people.ts';
import { drawPlan, type Plan } from './plan.ts';
import { type Fault, World } from './world.ts';

export interface HistoryResult {
  readonly seed: number;
  readonly fault: Fault | null;
  readonly counts: Readonly<Record<string, number>>;
  /** Equal for equal histories. */
  readonly digest: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly deliveries: number;
  readonly attempts: number;
  /** What happened, line by line, where it was asked for. */
  readonly notes: readonly string[];
  readonly plan: Plan;
}

/** More steps than any history takes: past it something spins. */
const MOST_STEPS = 3_000_000;
const PAGE = 100;
const ALL_DELIVERIES = { application: null, endpoint: null, event: null, status: null, orderingKey: null, since: null, until: null };

/** Set while a history runs, so that an exception of the engine finds it. */
let running: World | null = null;

/** An exception that nobody caught belongs to the history that runs. @returns false where none does */
export function uncaught(error: unknown): boolean {
  if (running === null) return false;
  running.fail('exception', error instanceof Error ? (error.stack ?? error.message) : String(error));
  return true;
}

/** @param options.notes keep what happens, line by line */
export async function runHistory(seed: number, options: { readonly notes: boolean }): Promise<HistoryResult> {
  const dice = new Dice(`history ${seed}`);
  const plan = drawPlan(dice.for('plan'));
  const world = new World(plan, { dice, wire: (made) => new Chaos(made), notes: options.notes });
  running = world;
  try {
    await play(world);
  } finally {
    running = null;
    await world.end();
  }
  const { ledger } = world.oracle;
  return {
    seed,
    fault: world.fault,
    counts: Object.fromEntries(world.counts),
    digest: world.digest >>> 0,
    steps: world.timeline.steps,
    simulatedMs: world.timeline.now,
    deliveries: ledger.deliveries.size,
    attempts: [...ledger.deliveries.values()].reduce((sum, { attempts }) => sum + attempts.length, 0),
    notes: world.notes ?? [],
    plan,
  };
}

async function play(world: World): Promise<void> {
  const { plan, timeline } = world;
  const chaos = world.wire as Chaos;
  const people = new People(world);
  await chaos.begin(plan.activeMs);
  if (world.store === null) throw new Error('the store did not open');
  await people.settleIn(world.store);
  people.begin(plan.activeMs);
  await timeline.run(plan.activeMs);
  if (world.fault === null) await chaos.calm();
  await comeToRest(world);
  if (world.fault === null && world.store !== null) checkEnding(world.oracle.ledger, await storedDeliveries(world.store));
}

/** Goes on until nothing waits that could still go, or for as long as the plan allows. */
async function comeToRest(world: World): Promise<void> {
  const { plan, timeline } = world;
  const until = timeline.now + plan.calmMs;
  const stride = Math.max(60_000, 2 * plan.longestSleepMs);
  let quiet = 0;
  while (world.fault === null && timeline.now < until && quiet < 2) {
    await timeline.run(timeline.now + stride);
    if (timeline.steps > MOST_STEPS) world.fail('spin', `${timeline.steps} steps in ${Math.round(timeline.now / 1000)} simulated seconds`);
    const waits = [...world.oracle.ledger.deliveries.values()].some(
      ({ status, endpoint }) => status === 'pending' && stopOf(endpoint) === null,
    );
    quiet = waits ? 0 : quiet + 1;
  }
}

async function storedDeliveries(store: Store): Promise<Delivery[]> {
  const rows: Delivery[] = [];
  for (const environment of ENVIRONMENTS) {
    let cursor: string | null = null;
    do {
      const page: Page<Delivery> = await store.deliveries.list(environment, { ...ALL_DELIVERIES, limit: PAGE, cursor });
      rows.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor !== null);
  }
  return rows;
}
