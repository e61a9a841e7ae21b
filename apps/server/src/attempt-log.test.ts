import { pino } from 'pino';
import { expect, test } from 'vitest';
import { AttemptLog } from './attempt-log.ts';

const LINE = { delivery: 'dlv_1', type: 'a "quoted" typé', number: 1, status: null, ms: 12, role_of: undefined };

function collector(): { readonly pieces: string[]; write(text: string): void } {
  const pieces: string[] = [];
  return { pieces, write: (text) => pieces.push(text) };
}

test('a line reads as pino writes it', () => {
  const [ours, theirs] = [collector(), collector()];
  const now = Date.UTC(2026, 10, 23, 10, 0, 1, 7);
  const log = new AttemptLog(ours, { role: 'all', now: () => now });
  const time = () => `,"time":"${new Date(now).toISOString()}"`;
  pino({ base: { role: 'all' }, timestamp: time }, theirs).info(LINE, 'attempt');
  log.attempt(LINE);
  log.flush();
  expect(ours.pieces).toEqual(theirs.pieces);
});

test('lines of one turn are one piece, and the clock is read for each', async () => {
  const output = collector();
  let now = 0;
  const log = new AttemptLog(output, { role: 'all', now: () => now });
  log.attempt({ n: 1 });
  now = 1;
  log.attempt({ n: 2 });
  expect(output.pieces).toEqual([]);
  await new Promise(setImmediate);
  expect(output.pieces).toHaveLength(1);
  expect(output.pieces[0]?.split('\n')).toEqual([
    '{"level":30,"time":"1970-01-01T00:00:00.000Z","role":"all","n":1,"msg":"attempt"}',
    '{"level":30,"time":"1970-01-01T00:00:00.001Z","role":"all","n":2,"msg":"attempt"}',
    '',
  ]);
});
