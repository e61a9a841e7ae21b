import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Deletions } from './deletions.ts';

/** Lanes in which so much waits, and what was asked of them. */
class Lanes {
  readonly waiting: Map<number, number>;
  readonly steps: string[] = [];
  /** How many calls fail from now on. */
  failing = 0;
  rests = 0;
  readonly deletions = new Deletions({
    cancel: async (lane, { limit }) => {
      if (this.failing > 0) {
        this.failing -= 1;
        this.steps.push(`${lane} failed`);
        throw new Error('the disk is full');
      }
      const count = Math.min(limit, this.waiting.get(lane) ?? 0);
      this.waiting.set(lane, (this.waiting.get(lane) ?? 0) - count);
      this.steps.push(`${lane} ${count}`);
      return count;
    },
    rest: () => {
      this.rests += 1;
      return new Promise((resolve) => setImmediate(resolve));
    },
  });

  constructor(waiting: readonly (readonly [lane: number, count: number])[]) {
    this.waiting = new Map(waiting);
  }

  get left(): number {
    return [...this.waiting.values()].reduce((sum, count) => sum + count, 0);
  }
}

describe('what deleted endpoints had waiting', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('is canceled before the answer where it is little', async () => {
    const lanes = new Lanes([[1, 1_999]]);
    await Promise.all([lanes.deletions.cancel([1], 'endpoint_deleted'), vi.runAllTimersAsync()]);
    expect(lanes.steps).toEqual(['1 500', '1 500', '1 500', '1 499']);
  });

  test('is answered for after 2,000 where it is much, and canceled all the same', async () => {
    const lanes = new Lanes([[1, 100_000]]);
    let leftWhenAnswered = 0;
    const answered = lanes.deletions.cancel([1], 'endpoint_deleted').then(() => {
      leftWhenAnswered = lanes.left;
    });
    await Promise.all([answered, vi.runAllTimersAsync()]);
    expect(leftWhenAnswered).toBe(98_000);
    expect(lanes.left).toBe(0);
  });

  test('goes in turns: a small deletion does not wait for a large one', async () => {
    const lanes = new Lanes([
      [1, 5_000],
      [2, 1],
    ]);
    const large = lanes.deletions.cancel([1], 'endpoint_deleted');
    const small = lanes.deletions.cancel([2], 'endpoint_deleted').then(() => lanes.left);
    await Promise.all([large, vi.runAllTimersAsync()]);
    expect(await small).toBe(4_500);
  });

  test('takes many lanes in one step, where little waits in them', async () => {
    const lanes = new Lanes(Array.from({ length: 400 }, (_, index) => [index, index === 7 ? 600 : 0]));
    await Promise.all([lanes.deletions.cancel([...lanes.waiting.keys()], 'application_deleted'), vi.runAllTimersAsync()]);
    expect(lanes.left).toBe(0);
    expect(lanes.steps).toHaveLength(401);
    expect(lanes.rests).toBe(1);
  });

  test('is tried again after a step that failed; whoever deleted has his answer', async () => {
    const lanes = new Lanes([[1, 700]]);
    lanes.failing = 2;
    await lanes.deletions.cancel([1], 'endpoint_deleted');
    expect(lanes.left).toBe(700);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(lanes.left).toBe(700);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(lanes.steps).toEqual(['1 failed', '1 failed', '1 500', '1 200']);
  });

  test('is left once the store closes, and nobody waits for it', async () => {
    const lanes = new Lanes([[1, 5_000]]);
    const deleting = lanes.deletions.cancel([1], 'endpoint_deleted');
    await lanes.deletions.close();
    await deleting;
    await lanes.deletions.cancel([1], 'endpoint_deleted');
    await vi.runAllTimersAsync();
    expect(lanes.steps).toEqual(['1 500']);
  });
});
