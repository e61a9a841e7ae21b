/** What a history will be like, drawn from its seed: how many machines, what they suffer, who publishes what to whom. */
import type { EndpointSettings, Environment } from 'posthorn/src/store/store.ts';
import type { Dice } from './dice.ts';
import type { Temper } from './network.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface Plan {
  /** One machine with the store in the dispatcher's own process, or several dispatchers and a store that they share. */
  readonly topology: 'local' | 'shared';
  readonly machines: number;
  readonly concurrency: number;
  readonly longestSleepMs: number;
  /** How long an endpoint may fail without a success before it is disabled. */
  readonly disableAfterMs: number;
  /** How often the keeper looks for jobs and what has expired, at most; null: there is none. */
  readonly keeperLooksMs: number | null;
  /** The operator has endpoints of its own, and is told what happens to those of others. */
  readonly operator: boolean;
  /** The longest that one direction of a call takes. */
  readonly delayMs: number;
  /** Calls of one dispatcher arrive in order (one connection), or not (a pool). */
  readonly inOrder: boolean;
  /** The share of hints that get lost. */
  readonly hintLoss: number;
  /** The part of the history in which things happen. */
  readonly activeMs: number;
  /** How long, at most, the rest may take. */
  readonly calmMs: number;
  /** Milliseconds between two such things on average; null: they do not happen. */
  readonly crashEvery: number | null;
  readonly pauseEvery: number | null;
  readonly stepEvery: number | null;
  readonly troubleEvery: number | null;
  readonly drainEvery: number | null;
  readonly wishEvery: number | null;
  readonly publishEvery: number;
  readonly keys: number;
  readonly burst: number;
  readonly cadences: Readonly<Record<Environment, string>>;
  readonly endpoints: readonly EndpointPlan[];
}

export interface EndpointPlan {
  readonly environment: Environment;
  readonly settings: Partial<EndpointSettings>;
  readonly temper: Temper;
}

/** How long a history is, and so how fine its grain can be. */
interface Scale {
  readonly activeMs: number;
  readonly calmMs: number;
  readonly longestSleepMs: number;
  readonly cadences: readonly string[];
  readonly schedules: readonly (readonly number[] | null)[];
}

export function drawPlan(dice: Dice): Plan {
  const scale = dice.weighed<(dice: Dice) => Scale>([
    [60, minutes],
    [25, hours],
    [12, days],
    [3, weeks],
  ])(dice);
  const topology = dice.chance(0.35) ? 'local' : 'shared';
  const isCalm = dice.chance(0.2);
  const every = (share: number, times: number): number | null =>
    !isCalm && dice.chance(share) ? scale.activeMs / dice.between(1, times) : null;
  return {
    topology,
    machines:
      topology === 'local'
        ? 1
        : dice.weighed([
            [2, 1],
            [5, 2],
            [2, 3],
          ]),
    concurrency: dice.weighed([
      [1, 4],
      [2, 8],
      [4, 16],
      [4, 64],
    ]),
    longestSleepMs: scale.longestSleepMs,
    disableAfterMs: dice.chance(0.5) ? 5 * DAY : scale.activeMs * dice.between(0.2, 0.8),
    keeperLooksMs: dice.chance(0.5) ? Math.max(5 * SECOND, scale.longestSleepMs / 4) : null,
    operator: dice.chance(0.3),
    delayMs:
      topology === 'local'
        ? 0
        : dice.weighed([
            [6, 2],
            [3, 10],
            [1, 60],
          ]),
    inOrder: dice.chance(0.6),
    hintLoss: topology === 'shared' && !isCalm && dice.chance(0.2) ? dice.between(0.05, 0.5) : 0,
    activeMs: scale.activeMs,
    calmMs: scale.calmMs,
    crashEvery: every(0.65, 8),
    pauseEvery: every(0.65, 10),
    stepEvery: every(0.25, 3),
    troubleEvery: every(0.3, 4),
    drainEvery: every(0.3, 3),
    wishEvery: dice.chance(0.75) ? scale.activeMs / dice.between(3, 30) : null,
    publishEvery: scale.activeMs / dice.between(8, 40),
    keys: dice.whole(1, 4),
    burst: dice.weighed([
      [6, 3],
      [3, 12],
      [1, 40],
      [0.3, 150],
    ]),
    cadences: { production: dice.pick(scale.cadences), sandbox: dice.pick(scale.cadences) },
    endpoints: Array.from({ length: dice.whole(1, 6) }, () => drawEndpoint(dice, scale)),
  };
}

function minutes(dice: Dice): Scale {
  return {
    activeMs: dice.between(1 * MINUTE, 12 * MINUTE),
    calmMs: 12 * MINUTE,
    longestSleepMs: dice.pick([5, 20, 60]) * SECOND,
    cadences: ['immediate', 'immediate', 'every 2s', 'every 10s', 'every 1m', 'every 5m', 'cron */20 * * * * * UTC'],
    schedules: [[1], [1, 2, 5], [1, 2, 5, 10, 20], [5, 30, 120], [], null],
  };
}

function hours(dice: Dice): Scale {
  return {
    activeMs: dice.between(0.5 * HOUR, 8 * HOUR),
    calmMs: 12 * HOUR,
    longestSleepMs: dice.between(1 * MINUTE, 10 * MINUTE),
    cadences: ['immediate', 'every 1m', 'every 5m', 'every 30m', 'cron 7,37 * * * * Europe/Berlin'],
    schedules: [[1, 2, 5], [5, 60, 600], [60, 300, 1800, 3600], null],
  };
}

function days(dice: Dice): Scale {
  return {
    activeMs: dice.between(1 * DAY, 4 * DAY),
    calmMs: 3 * DAY,
    longestSleepMs: dice.between(0.5 * HOUR, 2 * HOUR),
    cadences: ['immediate', 'every 30m', 'every 6h', 'cron 0 9 * * * America/New_York'],
    schedules: [null, null, [60, 3600, 21_600], [5, 300, 1800]],
  };
}

/** Long enough for what waits to expire. */
function weeks(dice: Dice): Scale {
  return { ...days(dice), activeMs: dice.between(8 * DAY, 12 * DAY), calmMs: 9 * DAY, longestSleepMs: dice.between(4 * HOUR, 12 * HOUR) };
}

function drawEndpoint(dice: Dice, scale: Scale): EndpointPlan {
  const maxInFlight = dice.pick([1, 1, 2, 3, 8]);
  return {
    environment: dice.chance(0.7) ? 'sandbox' : 'production',
    settings: {
      ordering: dice.weighed([
        [6, 'key'],
        [2, 'strict'],
        [1, 'none'],
      ]),
      rateLimit: dice.weighed<number | null>([
        [5, null],
        [1, 1],
        [1, 0.2],
        [1, 5],
        [1, 30],
      ]),
      maxInFlight,
      cadence: dice.chance(0.4) ? dice.pick(scale.cadences) : null,
      retrySchedule: dice.pick(scale.schedules),
      eventTypes: dice.chance(0.15) ? ['order.*'] : [],
    },
    temper: drawTemper(dice, scale),
  };
}

export function drawTemper(dice: Dice, scale: { readonly activeMs: number }): Temper {
  return dice.weighed<Temper>([
    [8, { kind: 'accepts' }],
    [2, { kind: 'slow', takesMs: dice.between(500, 29_000) }],
    [1.5, { kind: 'hangs' }],
    [0.7, { kind: 'too-late' }],
    [2, { kind: 'dead', how: dice.pick(['status', 'transport']) }],
    [1.5, { kind: 'flaps', everyMs: dice.between(0.01, 0.3) * scale.activeMs }],
    [2, { kind: 'recovers', at: dice.between(0.1, 1.2) * scale.activeMs }],
    [2.5, { kind: 'poisoned', oneIn: dice.whole(2, 9) }],
    [3, { kind: 'shaky', failing: dice.between(0.05, 0.7) }],
    [0.7, { kind: 'gone', after: dice.whole(0, 15) }],
    [1.5, { kind: 'busy', refusing: dice.between(0.1, 0.6), longestS: dice.pick([3, 30, 90_000]) }],
    [2, { kind: 'drops', dropping: dice.between(0.1, 0.7) }],
  ]);
}
