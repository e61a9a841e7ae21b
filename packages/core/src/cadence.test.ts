import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type Cadence, formatCadence, gate, nextTick, parseCadence, ticksAfter } from './cadence.ts';

const instant = (text: string) => Date.parse(text);
const shown = (ms: number) => new Date(ms).toISOString();
const every = (intervalMs: number): Cadence => ({ kind: 'every', intervalMs });
const cron = (expression: string, timeZone = 'UTC'): Cadence => ({ kind: 'cron', expression, timeZone });

/** All ticks from `from` on to `until`, as a dispatcher would meet them. */
function ticks(cadence: Cadence, from: string, until: string): string[] {
  const found: string[] = [];
  for (let at = nextTick(cadence, instant(from)); at <= instant(until); at = nextTick(cadence, at + 1)) found.push(shown(at));
  return found;
}

describe('parseCadence', () => {
  test.each<[string, Cadence, string]>([
    ['immediate', { kind: 'immediate' }, 'immediate'],
    ['every 30m', every(1_800_000), 'every 30m'],
    ['every 5m', every(300_000), 'every 5m'],
    ['every 1s', every(1_000), 'every 1s'],
    ['every 2h', every(7_200_000), 'every 2h'],
    ['every 1d', every(86_400_000), 'every 1d'],
    ['every 31d', every(2_678_400_000), 'every 31d'],
    ['  every   90s ', every(90_000), 'every 90s'],
    ['every 24h', every(86_400_000), 'every 1d'],
    ['every 120s', every(120_000), 'every 2m'],
    ['cron 0 9 * * MON-FRI', cron('0 9 * * MON-FRI'), 'cron 0 9 * * MON-FRI UTC'],
    ['cron  0  9 * * 1-5  Europe/Berlin', cron('0 9 * * 1-5', 'Europe/Berlin'), 'cron 0 9 * * 1-5 Europe/Berlin'],
    ['cron 0 9 * * 1-5 america/new_york', cron('0 9 * * 1-5', 'America/New_York'), 'cron 0 9 * * 1-5 America/New_York'],
    ['cron */10 * * * * *', cron('*/10 * * * * *'), 'cron */10 * * * * * UTC'],
    ['cron */10 * * * * * utc', cron('*/10 * * * * *'), 'cron */10 * * * * * UTC'],
    ['cron 0 0 9 * * MON', cron('0 0 9 * * MON'), 'cron 0 0 9 * * MON UTC'],
    ['cron 0 0 29 2 *', cron('0 0 29 2 *'), 'cron 0 0 29 2 * UTC'],
    ['cron 0 9 * * * Asia/Kolkata', cron('0 9 * * *', 'Asia/Kolkata'), 'cron 0 9 * * * Asia/Kolkata'],
    ['cron 0 9 * * * CET', cron('0 9 * * *', 'CET'), 'cron 0 9 * * * CET'],
  ])('%j', (text, cadence, canonical) => {
    expect(parseCadence(text)).toEqual({ ok: true, cadence });
    expect(formatCadence(cadence)).toBe(canonical);
    expect(parseCadence(canonical)).toEqual({ ok: true, cadence });
  });

  test.each([
    ['', 'expected "every 30m"'],
    ['sometimes', 'expected "every 30m"'],
    ['immediate please', 'expected "every 30m"'],
    ['Every 5m', 'expected "every 30m"'],
    ['every', 'a whole number and one of s, m, h, d'],
    ['every 0s', 'a whole number'],
    ['every 05m', 'a whole number'],
    ['every -5m', 'a whole number'],
    ['every 1.5h', 'a whole number'],
    ['every 30', 'a whole number'],
    ['every 500ms', 'a whole number'],
    ['every 30m 5s', 'a whole number'],
    ['every 32d', 'longer than 31 days'],
    ['every 745h', 'longer than 31 days'],
    ['every 99999999999999999999s', 'a whole number'],
    ['cron', 'found 0'],
    ['cron @daily', 'found 1'],
    ['cron * * * *', 'found 4'],
    ['cron * * * * * * *', 'found 7'],
    ['cron 61 * * * *', 'not a cron expression'],
    ['cron 2027-01-01T00:00:00 * * * *', 'not a cron expression'],
    ['cron 2027-01-01 00:00:00 (a) (b) (c)', 'not a cron expression'],
    ['cron 0 0 30 2 *', 'never fires'],
    ['cron 0 0 31 2,4,6,9,11 * Europe/Berlin', 'never fires'],
    ['cron 0 9 * * * Mars/Olympus', '"Mars/Olympus" is not a time zone'],
    ['cron 0 0 9 * * * Nowhere', '"Nowhere" is not a time zone'],
    ['cron 0 9 * * * Nowhere', '"Nowhere" is not a time zone'],
    ['cron 0 9 * * * +01:00', '"+01:00" is not a time zone'],
    [`cron 0 9 * * ${'1,'.repeat(200)}1`, 'longer than 256'],
  ])('refuses %j', (text, message) => {
    const reading = parseCadence(text);
    expect(reading.ok ? formatCadence(reading.cadence) : reading.message).toContain(message);
    expect(reading.ok).toBe(false);
  });
});

describe('gate and nextTick', () => {
  test.each<[string, Cadence, string, string, string]>([
    // cadence, now, last tick at or before now, first tick at or after now
    [
      'production, one second past the tick',
      every(1_800_000),
      '2026-11-23T10:00:01.000Z',
      '2026-11-23T10:00:00.000Z',
      '2026-11-23T10:30:00.000Z',
    ],
    [
      'sandbox, one second past the tick',
      every(300_000),
      '2026-11-23T10:00:01.000Z',
      '2026-11-23T10:00:00.000Z',
      '2026-11-23T10:05:00.000Z',
    ],
    ['on the tick', every(1_800_000), '2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00.000Z'],
    ['1 ms before', every(1_800_000), '2026-11-23T10:29:59.999Z', '2026-11-23T10:00:00.000Z', '2026-11-23T10:30:00.000Z'],
    ['1 ms after', every(1_800_000), '2026-11-23T10:00:00.001Z', '2026-11-23T10:00:00.000Z', '2026-11-23T10:30:00.000Z'],
    ['across midnight', every(1_800_000), '2026-12-31T23:59:59.999Z', '2026-12-31T23:30:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['7 s, which divides no minute', every(7_000), '1970-01-01T00:01:01.000Z', '1970-01-01T00:00:56.000Z', '1970-01-01T00:01:03.000Z'],
    ['cron on the tick', cron('*/30 * * * *'), '2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00.000Z'],
    ['cron 1 ms before', cron('*/30 * * * *'), '2026-11-23T09:59:59.999Z', '2026-11-23T09:30:00.000Z', '2026-11-23T10:00:00.000Z'],
    ['cron 1 ms after', cron('*/30 * * * *'), '2026-11-23T10:00:00.001Z', '2026-11-23T10:00:00.000Z', '2026-11-23T10:30:00.000Z'],
    ['cron with seconds', cron('*/10 * * * * *'), '2026-11-23T10:00:19.999Z', '2026-11-23T10:00:10.000Z', '2026-11-23T10:00:20.000Z'],
    [
      'midnight in Berlin',
      cron('0 0 * * *', 'Europe/Berlin'),
      '2026-11-22T23:00:00.000Z',
      '2026-11-22T23:00:00.000Z',
      '2026-11-22T23:00:00.000Z',
    ],
    [
      'just before it',
      cron('0 0 * * *', 'Europe/Berlin'),
      '2026-11-22T22:59:59.999Z',
      '2026-11-21T23:00:00.000Z',
      '2026-11-22T23:00:00.000Z',
    ],
    ['a leap day', cron('0 12 29 2 *'), '2026-11-23T10:00:00.000Z', '2024-02-29T12:00:00.000Z', '2028-02-29T12:00:00.000Z'],
    ['2100 has none', cron('0 12 29 2 *'), '2100-03-01T00:00:00.000Z', '2096-02-29T12:00:00.000Z', '2104-02-29T12:00:00.000Z'],
    [
      'half an hour off',
      cron('0 9 * * *', 'Asia/Kolkata'),
      '2026-11-23T03:30:00.000Z',
      '2026-11-23T03:30:00.000Z',
      '2026-11-23T03:30:00.000Z',
    ],
  ])('%s', (_, cadence, now, last, next) => {
    expect(shown(gate(cadence, instant(now)))).toBe(last);
    expect(shown(nextTick(cadence, instant(now)))).toBe(next);
  });

  it('is open at every instant when immediate', () => {
    expect(gate({ kind: 'immediate' }, 1_795_428_000_123)).toBe(1_795_428_000_123);
    expect(nextTick({ kind: 'immediate' }, 1_795_428_000_123)).toBe(1_795_428_000_123);
  });

  it('is closed before the first tick there is', () => {
    const beforeAllLeapDays = instant('0001-01-02T00:00:00.000Z');
    expect(gate(cron('0 0 29 2 *'), beforeAllLeapDays)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('when the clocks change', () => {
  test.each<[string, Cadence, string, string, string[]]>([
    [
      'Berlin, 02:30 does not exist: it comes when the gap is over, at 03:00',
      cron('30 2 * * *', 'Europe/Berlin'),
      '2026-03-28T00:00:00Z',
      '2026-03-30T23:00:00Z',
      ['2026-03-28T01:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
    ],
    [
      'Berlin, 02:30 comes twice: the first counts',
      cron('30 2 * * *', 'Europe/Berlin'),
      '2026-10-24T00:00:00Z',
      '2026-10-26T23:00:00Z',
      ['2026-10-24T00:30:00.000Z', '2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
    ],
    [
      'New York, 02:30 does not exist',
      cron('30 2 * * *', 'America/New_York'),
      '2026-03-07T05:00:00Z',
      '2026-03-09T23:00:00Z',
      ['2026-03-07T07:30:00.000Z', '2026-03-08T07:00:00.000Z', '2026-03-09T06:30:00.000Z'],
    ],
    [
      'New York, 01:30 comes twice',
      cron('30 1 * * *', 'America/New_York'),
      '2026-10-31T05:00:00Z',
      '2026-11-02T23:00:00Z',
      ['2026-10-31T05:30:00.000Z', '2026-11-01T05:30:00.000Z', '2026-11-02T06:30:00.000Z'],
    ],
    [
      'New York, 02:30 comes once on the day of two 01:30s',
      cron('30 2 * * *', 'America/New_York'),
      '2026-11-01T00:00:00Z',
      '2026-11-01T23:00:00Z',
      ['2026-11-01T07:30:00.000Z'],
    ],
    [
      'Berlin, steps within the doubled hour run in both',
      cron('*/30 2 * * *', 'Europe/Berlin'),
      '2026-10-24T23:00:00Z',
      '2026-10-25T12:00:00Z',
      ['2026-10-25T00:00:00.000Z', '2026-10-25T00:30:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T01:30:00.000Z'],
    ],
    [
      'Berlin, steps within the skipped hour do not run',
      cron('*/30 2 * * *', 'Europe/Berlin'),
      '2026-03-28T23:00:00Z',
      '2026-03-29T12:00:00Z',
      [],
    ],
  ])('%s', (_, cadence, from, until, expected) => {
    expect(ticks(cadence, from, until)).toEqual(expected);
  });

  test.each([
    ['Europe/Berlin', '2026-03-28T22:00:00Z'],
    ['Europe/Berlin', '2026-10-24T22:00:00Z'],
    ['America/New_York', '2026-03-08T03:00:00Z'],
    ['America/New_York', '2026-11-01T03:00:00Z'],
  ])('an hourly cron ticks at every hour in %s from %s', (timeZone, from) => {
    const hours = Array.from({ length: 8 }, (_, hour) => shown(instant(from) + hour * 3_600_000));
    expect(ticks(cron('0 * * * *', timeZone), from, hours.at(-1) ?? '')).toEqual(hours);
    for (const hour of hours) expect(shown(gate(cron('0 * * * *', timeZone), instant(hour) + 3_599_999))).toBe(hour);
  });
});

describe('properties', () => {
  const cadences = fc.oneof(
    fc.integer({ min: 1, max: 31 * 86_400 }).map((seconds) => every(seconds * 1_000)),
    fc
      .tuple(
        fc.constantFrom(
          '* * * * *',
          '*/30 * * * *',
          '30 2 * * *',
          '30 1,2,3 * * *',
          '0 0 29 2 *',
          '*/7 * * * * *',
          '0 9 * * MON-FRI',
          '0 0 L * *',
          '15 */5 * * *',
        ),
        fc.constantFrom(
          'UTC',
          'Europe/Berlin',
          'America/New_York',
          'Australia/Lord_Howe',
          'Asia/Kathmandu',
          'Africa/Cairo',
          'Pacific/Apia',
        ),
      )
      .map(([expression, timeZone]) => cron(expression, timeZone)),
  );
  const changes = [
    ...[3, 10].map((month) => Date.UTC(2026, month - 1, month === 3 ? 29 : 25)),
    Date.UTC(2026, 2, 8),
    Date.UTC(2026, 10, 1),
  ];
  const instants = fc.oneof(
    fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) }),
    fc.tuple(fc.constantFrom(...changes), fc.integer({ min: -6 * 3_600_000, max: 12 * 3_600_000 })).map(([day, off]) => day + off),
  );

  it('encloses every instant between its gate and the next tick', () => {
    fc.assert(
      fc.property(cadences, instants, (cadence, at) => {
        const last = gate(cadence, at);
        const next = nextTick(cadence, last + 1);
        expect(last).toBeLessThanOrEqual(at);
        expect(next).toBeGreaterThan(at);
        expect(gate(cadence, next - 1)).toBe(last);
        expect(nextTick(cadence, last)).toBe(last);
        expect(gate(cadence, next)).toBe(next);
        expect(nextTick(cadence, at)).toBe(last === at ? at : next);
      }),
      { numRuns: 500 },
    );
  });

  it('lets a publish go exactly when its next tick has come', () => {
    fc.assert(
      fc.property(cadences, instants, fc.integer({ min: -100_000_000, max: 100_000_000 }), (cadence, publishedAt, off) => {
        const now = publishedAt + off;
        expect(publishedAt <= gate(cadence, now)).toBe(nextTick(cadence, publishedAt) <= now);
      }),
      { numRuns: 500 },
    );
  });

  it('answers the same whatever was asked before', () => {
    fc.assert(
      fc.property(cadences, instants, instants, (cadence, one, other) => {
        const first = gate(cadence, one);
        gate(cadence, other);
        expect(gate(cadence, one)).toBe(first);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps a bounded memory of expressions, and does not need it', () => {
    for (let minute = 0; minute < 60; minute++) {
      for (let hour = 0; hour < 24; hour++) {
        const at = Date.UTC(2026, 10, 23, hour, minute);
        expect(gate(cron(`${minute} ${hour} * * *`), at + 5)).toBe(at);
      }
    }
    expect(gate(cron('0 0 * * *'), Date.UTC(2026, 10, 23, 5))).toBe(Date.UTC(2026, 10, 23));
  });
});

describe('ticksAfter', () => {
  const after = (cadence: Cadence, now: string, count = 5) => ticksAfter(cadence, instant(now), { count }).map(shown);

  test('leaves out a tick that is now, and goes over weekends and changes of the clocks', () => {
    expect(after(every(1_800_000), '2026-11-23T10:00:00Z', 2)).toEqual(['2026-11-23T10:30:00.000Z', '2026-11-23T11:00:00.000Z']);
    expect(after(every(1_800_000), '2026-11-23T09:59:59.999Z', 1)).toEqual(['2026-11-23T10:00:00.000Z']);
    expect(after(cron('0 9 * * MON-FRI', 'Europe/Berlin'), '2026-10-23T08:00:00Z', 2)).toEqual([
      '2026-10-26T08:00:00.000Z',
      '2026-10-27T08:00:00.000Z',
    ]);
    expect(after(cron('0 9 * * *', 'Europe/Berlin'), '2026-10-24T00:00:00Z', 2)).toEqual([
      '2026-10-24T07:00:00.000Z',
      '2026-10-25T08:00:00.000Z',
    ]);
  });

  test('has none for immediate', () => {
    expect(after({ kind: 'immediate' }, '2026-11-23T10:00:00Z')).toEqual([]);
  });
});
