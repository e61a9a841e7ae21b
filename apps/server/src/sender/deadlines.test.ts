import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines, type Timed } from './deadlines.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

let passed: string[] = [];

function begin(deadlines: Deadlines, name: string, onPass: () => void = () => undefined): Timed {
  const timed: Timed = {
    beganAt: performance.now(),
    onDeadline() {
      passed.push(`${name} ${performance.now() - timed.beganAt}`);
      onPass();
    },
  };
  deadlines.add(timed);
  return timed;
}

beforeEach(() => {
  passed = [];
});

test('each runs out after its own time, once', () => {
  const deadlines = new Deadlines(100);
  begin(deadlines, 'a');
  vi.advanceTimersByTime(30);
  begin(deadlines, 'b');
  begin(deadlines, 'c');
  vi.advanceTimersByTime(69);
  expect(passed).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(passed).toEqual(['a 100']);
  vi.advanceTimersByTime(1_000);
  expect(passed).toEqual(['a 100', 'b 100', 'c 100']);
});

test('what is done in time is not called, nor does it hasten those that follow', () => {
  const deadlines = new Deadlines(100);
  const done = begin(deadlines, 'done');
  vi.advanceTimersByTime(50);
  deadlines.delete(done);
  vi.advanceTimersByTime(10);
  begin(deadlines, 'next');
  vi.advanceTimersByTime(99);
  expect(passed).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(passed).toEqual(['next 100']);
});

test('one that begins while another runs out has its whole time', () => {
  const deadlines = new Deadlines(100);
  begin(deadlines, 'first', () => begin(deadlines, 'second'));
  vi.advanceTimersByTime(199);
  expect(passed).toEqual(['first 100']);
  vi.advanceTimersByTime(1);
  expect(passed).toEqual(['first 100', 'second 100']);
});
