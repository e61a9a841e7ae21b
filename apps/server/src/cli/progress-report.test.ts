import { expect, test } from 'vitest';
import { type Advance, ProgressReport, progressLine, type Screen } from './progress-report.ts';

const advance = (done: number): Advance => ({ doing: 'copying events', part: { done, total: 400 }, overall: { done, total: 1_000 } });

function screen(more: Partial<Screen>): Screen & { readonly written: string[] } {
  const written: string[] = [];
  return { ...more, written, write: (text: string) => written.push(text) };
}

test('a line says how much is done, of what, how fast, and when it will be over', () => {
  const line = progressLine(advance(300), { elapsedMs: 2_000, done: 200 });
  expect(line).toBe('██████░░░░░░░░░░░░░░  30 %  copying events 75 %  100 rows/s  7 s left');
  expect(progressLine(advance(300), { elapsedMs: 1_000, done: 5 })).toContain('2 min 20 s left');
  expect(progressLine({ ...advance(0), overall: { done: 1, total: 100_000 } }, { elapsedMs: 1_000, done: 1 })).toContain(
    '27 h 46 min left',
  );
  expect(progressLine(advance(0), { elapsedMs: 0, done: 0 })).toContain('0 rows/s');
  expect(progressLine({ doing: 'x', part: { done: 0, total: 0 }, overall: { done: 0, total: 0 } }, { elapsedMs: 0, done: 0 })).toContain(
    '100 %',
  );
});

test('a terminal gets one line that renews itself, no wider than it is, ten times a second at the most', () => {
  let now = 0;
  const terminal = screen({ isTTY: true, columns: 40 });
  const report = new ProgressReport(terminal, () => now);
  for (; now < 1_000; now += 10) report.tell(advance(now));
  report.end();
  expect(terminal.written).toHaveLength(10);
  const clear = '\r\x1b[2K';
  for (const text of terminal.written) {
    expect(text.startsWith(clear)).toBe(true);
    expect(text.length).toBeLessThanOrEqual(clear.length + 39);
  }
  expect(terminal.written.at(-1)).toBe(clear);
});

test('anything else gets a line every five seconds, and its rate is of this run alone', () => {
  let now = 0;
  const log = screen({});
  const report = new ProgressReport(log, () => now);
  for (; now <= 10_000; now += 100) report.tell(advance(500 + now / 100));
  report.end();
  expect(log.written).toHaveLength(2);
  expect(log.written[1]).toMatch(/60 % .* 10 rows\/s {2}40 s left\n$/);
});
