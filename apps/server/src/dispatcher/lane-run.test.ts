import { HEALTHY } from '@posthorn/core';
import { describe, expect, test } from 'vitest';
import type { LeasedLane, ScannedDelivery } from '../store/store.ts';
import { LaneRun } from './lane-run.ts';

const NOW = 10_000_000;
const context = { now: NOW, gate: NOW };

function leased(settings: Partial<LeasedLane['target']['endpoint']> = {}, state: Partial<LeasedLane['state']> = {}): LeasedLane {
  return {
    lease: { lane: 1, holder: 'h', fence: 1 },
    leaseUntil: NOW + 40_000,
    group: 'sandbox:',
    openedAt: 0,
    state: { ...HEALTHY, succeededAt: NOW - 1, rateAt: 0, epoch: 0, ...state },
    takenOver: false,
    target: {
      endpoint: { ordering: 'key', maxInFlight: 8, rateLimit: null, ...settings },
      braked: false,
      secrets: { current: 's', next: null, previous: null },
    } as LeasedLane['target'],
  };
}

function delivery(seq: number, orderingKey: string | null, more: Partial<ScannedDelivery> = {}): ScannedDelivery {
  return {
    seq,
    orderingKey,
    publishedAt: NOW - 1000,
    dueAt: null,
    failures: 0,
    attemptCount: 0,
    byHand: false,
    wish: 0,
    revivedAt: null,
    resent: false,
    late: false,
    ...more,
  };
}

function absorb(run: LaneRun, deliveries: ScannedDelivery[], end = true): void {
  run.absorb(
    { deliveries, cursor: deliveries.at(-1)?.seq ?? 0, wishedBehind: [], moreBeyond: false, dueBeyond: null, end, gatedFrom: null },
    context,
  );
}

/** Starts all that may start now. */
function start(run: LaneRun, now = NOW): ScannedDelivery[] {
  const started: ScannedDelivery[] = [];
  while (run.canStart(now)) started.push(run.take(now));
  return started;
}

function accept(run: LaneRun, done: ScannedDelivery): void {
  run.accepted(done, context);
  run.settled(done, { accepted: true, stillPending: false, dueAt: null }, context);
}

const seqs = (deliveries: readonly ScannedDelivery[]): number[] => deliveries.map(({ seq }) => seq);

describe('order', () => {
  test('one of a key at a time; the next goes once the one before is accepted', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(1, null), delivery(2, 'a'), delivery(3, 'a'), delivery(4, 'b')]);
    const first = start(run);
    expect(seqs(first)).toEqual([1, 2, 4]);
    for (const done of first) run.accepted(done, context); // not settled yet
    expect(seqs(start(run))).toEqual([3]);
  });

  test('after any other end the key stands still until that is settled, and then too while a retry waits', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(2, 'a'), delivery(3, 'a'), delivery(4, 'b')]);
    const [poison, other] = start(run) as [ScannedDelivery, ScannedDelivery];
    expect(other.seq).toBe(4);
    run.rejected();
    expect(start(run)).toEqual([]);
    run.settled(poison, { accepted: false, stillPending: true, dueAt: NOW + 5000 }, context);
    expect(run.hasReady).toBe(false);
    expect(run.nextDueAt).toBe(NOW + 5000);
  });

  test('a failed one lets its followers go, once that is settled', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(2, 'a'), delivery(3, 'a')]);
    const [poison] = start(run) as [ScannedDelivery];
    run.rejected();
    expect(start(run)).toEqual([]);
    run.settled(poison, { accepted: false, stillPending: false, dueAt: null }, context);
    expect(seqs(start(run))).toEqual([3]);
  });

  test('the head of a key waits for its retry: its followers wait, other keys go', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(1, 'a', { dueAt: NOW + 60_000 }), delivery(2, 'a'), delivery(3, 'b')]);
    expect(seqs(start(run))).toEqual([3]);
    expect(run.release(NOW)).toMatchObject({ dueAt: NOW + 60_000, firstAt: null });
  });

  test('strict: everything is one queue', () => {
    const run = new LaneRun(leased({ ordering: 'strict' }));
    absorb(run, [delivery(1, 'a'), delivery(2, null), delivery(3, 'b')]);
    const order: number[] = [];
    for (let started = start(run); started.length > 0; started = start(run)) {
      expect(started).toHaveLength(1);
      for (const done of started) {
        order.push(done.seq);
        accept(run, done);
      }
    }
    expect(order).toEqual([1, 2, 3]);
  });

  test('late ones neither wait nor hold up', () => {
    const run = new LaneRun(leased({}, {}));
    absorb(run, [delivery(1, 'a', { late: true, dueAt: NOW + 1 }), delivery(2, 'a')]);
    expect(seqs(start(run))).toEqual([2]);
  });

  test('a follower beyond the remembered ones is asked for by key, and comes in order', () => {
    const run = new LaneRun(leased());
    const all = Array.from({ length: 200 }, (_, index) => delivery(index + 1, 'a'));
    absorb(run, all);
    const order: number[] = [];
    for (let guard = 0; guard < 1000 && order.length < 200; guard += 1) {
      const wanted = run.keyToFetch;
      if (wanted !== null) {
        const found = all.filter(({ seq }) => seq > wanted.after && !order.includes(seq)).slice(0, 64);
        run.absorbKey(wanted.queue, found, { ...context, limit: 64 });
      }
      for (const done of start(run)) {
        order.push(done.seq);
        accept(run, done);
      }
    }
    expect(order).toEqual(seqs(all));
    expect(run.finished).toBe(true);
  });

  test('behind a poison key of many followers the run remembers the key only', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(1, 'poison', { dueAt: NOW + 60_000 })], false);
    for (let at = 2; at < 50_000; at += 256) {
      absorb(
        run,
        Array.from({ length: 256 }, (_, index) => delivery(at + index, 'poison')),
        false,
      );
      expect(run.wantsScan).toBe(true);
    }
    absorb(run, [delivery(60_000, 'other')]);
    expect(seqs(start(run))).toEqual([60_000]);
  });
});

test('a rescan between an accepted answer and its settle leaves the next of that key able to go', () => {
  const run = new LaneRun(leased({ maxInFlight: 1 }));
  absorb(run, [delivery(1, 'a'), delivery(2, 'a')]);
  const [first] = start(run) as [ScannedDelivery];
  run.accepted(first, context);
  run.rescan();
  absorb(run, [delivery(1, 'a'), delivery(2, 'a')]);
  run.settled(first, { accepted: true, stillPending: false, dueAt: null }, context);
  expect(run.finished).toBe(false);
  expect(seqs(start(run))).toEqual([2]);
});

describe('slots', () => {
  test('of a failing lane: one, then doubling by success up to max_in_flight', () => {
    const run = new LaneRun(leased({ maxInFlight: 4 }, { failingSince: NOW - 1 }));
    absorb(
      run,
      Array.from({ length: 30 }, (_, index) => delivery(index + 1, null)),
    );
    const widths: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const started = start(run);
      widths.push(started.length);
      for (const done of started) accept(run, done);
    }
    expect(widths).toEqual([1, 2, 4, 4]);
  });

  test('a failing lane has one', () => {
    const run = new LaneRun(leased({}, { failingSince: NOW - 1 }));
    absorb(run, [delivery(1, null), delivery(2, null)]);
    expect(start(run)).toHaveLength(1);
  });

  test('no attempt starts once the lease has ended', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(1, null)]);
    expect(run.canStart(NOW + 40_000)).toBe(false);
    expect(run.canStart(NOW + 39_999)).toBe(true);
  });

  test('nothing starts before the floor, nor faster than the rate', () => {
    const floored = new LaneRun(leased({}, { retryAfter: NOW + 100 }));
    absorb(floored, [delivery(1, null)]);
    expect(floored.canStart(NOW)).toBe(false);
    expect(floored.canStart(NOW + 100)).toBe(true);
    const limited = new LaneRun(leased({ rateLimit: 1 }));
    absorb(limited, [delivery(1, null), delivery(2, null)]);
    for (const done of start(limited)) accept(limited, done);
    expect(limited.canStart(NOW + 999)).toBe(false);
    expect(limited.canStart(NOW + 1000)).toBe(true);
  });
});

describe('release', () => {
  test('what waits for its gate is left behind as a gated mark', () => {
    const run = new LaneRun(leased());
    run.absorb({ deliveries: [], cursor: 0, wishedBehind: [], moreBeyond: false, dueBeyond: null, end: true, gatedFrom: NOW + 5 }, context);
    expect(run.finished).toBe(true);
    expect(run.release(NOW)).toMatchObject({ firstAt: NOW + 5, dueAt: null });
  });

  test('a lane that is given back unfinished asks for another lease at once', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(1, null)], false);
    run.stopping = true;
    expect(run.finished).toBe(true);
    expect(run.release(NOW).dueAt).toBe(NOW);
  });

  test('is not possible while something is out or not settled', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(1, null)]);
    const [out] = start(run) as [ScannedDelivery];
    expect(run.finished).toBe(false);
    run.accepted(out, context);
    expect(run.finished).toBe(false);
    run.settled(out, { accepted: true, stillPending: false, dueAt: null }, context);
    expect(run.finished).toBe(true);
  });

  test('a rescan sees again what was set aside, and never twice what is out', () => {
    const run = new LaneRun(leased());
    const retry = delivery(1, 'a', { dueAt: NOW + 10 });
    absorb(run, [retry, delivery(2, 'b')]);
    const [out] = start(run) as [ScannedDelivery];
    run.rescan();
    const found = [retry, delivery(2, 'b'), delivery(3, 'b')];
    run.absorb(
      { deliveries: found, cursor: 3, wishedBehind: [], moreBeyond: false, dueBeyond: null, end: true, gatedFrom: null },
      { now: NOW + 10, gate: NOW },
    );
    run.accepted(out, context);
    expect(seqs(start(run))).toEqual([1, 3]);
  });
});

describe('something was published into the lane that is held', () => {
  const backlog = (count: number): ScannedDelivery[] =>
    Array.from({ length: count }, (_, index) => delivery(index + 1, 'k', { dueAt: NOW + 60_000 }));

  test('a short lane is scanned from its start, since an earlier number may have been committed later', () => {
    const run = new LaneRun(leased());
    absorb(run, backlog(3));
    run.resume();
    expect(run.cursor).toBe(0);
  });

  test('a long one is scanned on, and looked at again by whoever has it next', () => {
    const run = new LaneRun(leased());
    absorb(run, backlog(300));
    expect(run.release(NOW).dueAt).toBe(NOW + 60_000);
    run.resume();
    expect(run.cursor).toBe(300);
    absorb(run, []);
    expect(run.release(NOW).dueAt).toBe(NOW);
  });
});

describe('what falls due in a long lane', () => {
  const due = (...deliveries: ScannedDelivery[]) => ({ deliveries, wishedBehind: [], moreBeyond: false, dueBeyond: null });
  /** Its first key waits for a retry, with a follower; the rest keeps the scan from its end. */
  function longRun(): LaneRun {
    const run = new LaneRun(leased({ maxInFlight: 1 }));
    absorb(run, [delivery(1, 'a', { dueAt: NOW + 10 }), delivery(2, 'a'), delivery(3, null), delivery(4, null)], false);
    return run;
  }

  test('is looked for by itself, and the scan goes on from where it is', () => {
    const run = longRun();
    run.fellDue();
    expect([run.wantsDue, run.cursor]).toEqual([true, 4]);
    run.absorbDue(due(delivery(1, 'a', { dueAt: NOW - 1 })), context);
    expect([run.wantsDue, run.cursor]).toEqual([false, 4]);
    for (const seq of [3, 4, 1]) {
      const [next] = start(run) as [ScannedDelivery];
      expect(next.seq).toBe(seq);
      accept(run, next);
    }
    // The scan has passed its follower: it is asked for by its key.
    expect(run.keyToFetch).toMatchObject({ orderingKey: 'a', after: 1 });
  });

  test('a change behind the cursor makes it begin at the start, once it has come to the end', () => {
    const run = longRun();
    run.changed();
    run.absorbDue(due(), context);
    expect(run.cursor).toBe(4);
    absorb(run, [delivery(5, null)], true);
    expect([run.wantsScan, run.cursor]).toEqual([true, 0]);
  });

  test('where there is more than one look gives, the next comes once that has thinned out, and never for nothing', () => {
    const run = new LaneRun(leased({ maxInFlight: 256 }));
    const many = Array.from({ length: 256 }, (_, index) => delivery(index + 1, null, { byHand: true }));
    run.absorb({ ...due(...many), moreBeyond: true, cursor: 256, end: true, gatedFrom: null }, context);
    expect(run.wantsDue).toBe(false);
    const out = start(run);
    expect(run.wantsDue).toBe(true);
    run.absorbDue({ ...due(...many), moreBeyond: true }, context);
    expect([run.wantsDue, run.finished]).toEqual([false, false]);
    accept(run, out[0] as ScannedDelivery);
    expect(run.wantsDue).toBe(true);
  });
});

describe('what happens while a request is out', () => {
  const RETRY = { accepted: false, stillPending: true, dueAt: NOW + 5000 };

  test('asked for by hand, or canceled: a scan from the start sees it once that is settled', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(1, 'a'), delivery(2, 'a')]);
    const [out] = start(run) as [ScannedDelivery];
    run.rescan(); // somebody did something by hand
    absorb(run, [delivery(1, 'a', { byHand: true }), delivery(2, 'a')]);
    run.rejected();
    run.settled(out, RETRY, context);
    expect([run.wantsScan, run.cursor]).toEqual([true, 0]);
  });

  test('settled while a scan was under way: what that scan saw of it counts no more', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(1, 'a'), delivery(3, null)]);
    const [out] = start(run) as [ScannedDelivery];
    run.busy = true;
    run.rejected();
    run.settled(out, RETRY, context);
    absorb(run, [delivery(1, 'a'), delivery(2, 'a'), delivery(4, 'b')]);
    run.busy = false;
    expect(run.nextDueAt).toBe(NOW + 5000);
    run.rejected();
    expect(seqs(start(run))).toEqual([4]);
  });

  test.each<[string, (run: LaneRun) => void, { now: number; monotonic: number }, boolean]>([
    ['nothing happened', () => {}, { now: NOW + 39_999, monotonic: 999 }, true],
    ['the lease ended by the wall clock', () => {}, { now: NOW + 40_000, monotonic: 999 }, false],
    ['the lease ended by the monotonic clock', () => {}, { now: NOW, monotonic: 1000 }, false],
    ['the endpoint was paused', (run) => run.bar(), { now: NOW, monotonic: 0 }, false],
    [
      'the endpoint asked for a pause',
      (run) => {
        run.state = { ...run.state, retryAfter: NOW + 1 };
      },
      { now: NOW, monotonic: 0 },
      false,
    ],
  ])('it took its slot and waits for its body: %s', (_, happens, instants, leaves) => {
    const run = new LaneRun(leased());
    run.goodUntil = 1000;
    absorb(run, [delivery(1, 'a'), delivery(2, 'a')]);
    const [taken] = start(run) as [ScannedDelivery];
    happens(run);
    expect(run.mayLeave(taken, instants)).toBe(leaves);
  });

  test('what did not leave after all is the next again', () => {
    const run = new LaneRun(leased());
    absorb(run, [delivery(1, 'a'), delivery(2, 'a'), delivery(3, null)]);
    const [first] = start(run) as [ScannedDelivery];
    run.putBack(first);
    expect(seqs(start(run))).toEqual([1]);
  });

  test('a floor holds the lane back only once a scan has shown that nothing was asked for by hand', () => {
    const run = new LaneRun(leased({}, { retryAfter: NOW + 60_000 }));
    absorb(run, [delivery(1, null)]);
    expect(run.isHeldBack(NOW)).toBe(true);
    run.rescan();
    expect(run.isHeldBack(NOW)).toBe(false);
    absorb(run, [delivery(1, null, { byHand: true })]);
    expect(run.isHeldBack(NOW)).toBe(false);
  });

  test('a wish that is left over holds the lane to no floor', () => {
    const run = new LaneRun(leased({}, { retryAfter: NOW + 60_000 }));
    absorb(run, [delivery(1, null, { byHand: true }), delivery(2, null)]);
    run.stopping = true;
    expect(run.release(NOW)).toMatchObject({ dueAt: NOW, notBefore: 0 });
  });
});
