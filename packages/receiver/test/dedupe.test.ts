import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { handleOnce, MemoryDedupe } from '../src/index.ts';

describe('MemoryDedupe', () => {
  test('an id is new once, until its time is over', () => {
    let now = 0;
    const dedupe = new MemoryDedupe({ now: () => now });
    expect(dedupe.seen('evt_1', 60)).toBe(false);
    expect(dedupe.seen('evt_1', 60)).toBe(true);
    expect(dedupe.seen('evt_2', 60)).toBe(false);
    now = 59;
    expect(dedupe.seen('evt_1', 60)).toBe(true);
    now = 60;
    expect(dedupe.seen('evt_1', 60)).toBe(false);
    expect(dedupe.seen('evt_1', 60)).toBe(true);
  });

  test('a forgotten id is new', () => {
    const dedupe = new MemoryDedupe();
    dedupe.seen('evt_1', 60);
    dedupe.forget('evt_1');
    expect(dedupe.seen('evt_1', 60)).toBe(false);
  });

  test('beyond its size the oldest goes first', () => {
    const dedupe = new MemoryDedupe({ maxIds: 2 });
    for (const id of ['a', 'b', 'c']) expect(dedupe.seen(id, 60)).toBe(false);
    expect(dedupe.seen('b', 60)).toBe(true);
    expect(dedupe.seen('c', 60)).toBe(true);
    expect(dedupe.seen('a', 60)).toBe(false);
  });

  test('any ids at any times: what it says is what a list of all that happened says', () => {
    const steps = fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c', '__proto__', ''), after: fc.nat(40) }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (happened) => {
        let now = 0;
        const dedupe = new MemoryDedupe({ now: () => now });
        const firstSeen = new Map<string, number>();
        for (const { id, after } of happened) {
          now += after;
          const known = now - (firstSeen.get(id) ?? Number.NEGATIVE_INFINITY) < 60;
          expect(dedupe.seen(id, 60)).toBe(known);
          if (!known) firstSeen.set(id, now);
        }
      }),
    );
  });

  test('a size that holds nothing is refused', () => {
    for (const maxIds of [0, Number.NaN]) expect(() => new MemoryDedupe({ maxIds })).toThrow(RangeError);
  });
});

describe('handleOnce', () => {
  test('works on an event once', async () => {
    const dedupe = new MemoryDedupe();
    const worked: string[] = [];
    const handle = (id: string) => handleOnce(dedupe, { id, work: async () => worked.push(id) });
    expect(await Promise.all([handle('evt_1'), handle('evt_1'), handle('evt_2')])).toEqual([true, false, true]);
    expect(await handle('evt_1')).toBe(false);
    expect(worked).toEqual(['evt_1', 'evt_2']);
  });

  test('what failed may come again: its retry is no duplicate', async () => {
    const dedupe = new MemoryDedupe();
    const failing = handleOnce(dedupe, { id: 'evt_1', work: () => Promise.reject(new Error('the database is away')) });
    await expect(failing).rejects.toThrow('the database is away');
    expect(await handleOnce(dedupe, { id: 'evt_1', work: () => undefined })).toBe(true);
  });
});
