import { expect, test } from 'vitest';
import { draftOf, foreignZone, problemOf, readDraft } from './cadence-draft.ts';

const BERLIN = 'Europe/Berlin';

test.each(['immediate', 'every 30m', 'every 1d', 'cron 0 9 * * MON-FRI America/New_York', 'cron */10 * * * * * UTC'])(
  '%s comes out of the form as it went in',
  (cadence) => {
    expect(readDraft(draftOf(cadence, BERLIN))).toEqual({ cadence });
  },
);

test('a schedule that is yet to be written is in the reader’s own zone', () => {
  expect(readDraft({ ...draftOf('every 5m', BERLIN), kind: 'cron' })).toEqual({ cadence: 'cron 0 9 * * MON-FRI Europe/Berlin' });
});

test.each([
  [{ kind: 'every', count: '' }, 'count'],
  [{ kind: 'every', count: '1.5' }, 'count'],
  [{ kind: 'every', count: '0' }, 'count'],
  [{ kind: 'cron', expression: ' ' }, 'expression'],
  [{ kind: 'cron', timeZone: 'Europe/Nowhere' }, 'timeZone'],
  [{ kind: 'cron', timeZone: '+01:00' }, 'timeZone'],
] as const)('%j is to be mended at its %s', (part, field) => {
  expect(readDraft({ ...draftOf('every 5m', BERLIN), ...part })).toEqual({ problem: { [field]: expect.stringMatching(/\.$/) } });
});

test('what the server says stands at the field that it is about', () => {
  const every = draftOf('every 40d', BERLIN);
  const cron = draftOf('cron 0 0 30 2 * UTC', BERLIN);
  expect(problemOf(every, '"every 40d" is longer than 31 days')).toEqual({ count: '"every 40d" is longer than 31 days.' });
  expect(problemOf(cron, '"0 0 30 2 *" never fires')).toEqual({ expression: '"0 0 30 2 *" never fires.' });
  expect(problemOf(cron, '"Mars/Base" is not a time zone that is known here')).toEqual({
    timeZone: '"Mars/Base" is not a time zone that is known here.',
  });
});

test('a schedule’s zone is told where it is not the reader’s', () => {
  expect(foreignZone('cron 0 9 * * * UTC', BERLIN)).toBe('UTC');
  expect(foreignZone('cron 0 9 * * * Europe/Berlin', BERLIN)).toBeNull();
  expect(foreignZone('every 5m', BERLIN)).toBeNull();
});
