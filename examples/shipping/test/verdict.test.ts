import { describe, expect, test } from 'vitest';
import { type Change, readReceipt } from '../src/demo/evidence.ts';
import { readOptions } from '../src/demo/options.ts';
import { judge, renderVerdict } from '../src/demo/verdict.ts';

function change(shipmentId: string, status: string): Change {
  const reference = `ORD-${shipmentId}`;
  const data = `{"shipment":{"id":"${shipmentId}","reference":"${reference}","status":"${status}","weight_kg":17.0}}`;
  return { shipmentId, reference, eventId: `evt-${shipmentId}-${status}`, status, data };
}

function receipt({ eventId, data }: Change, type = 'shipment.status_updated') {
  return readReceipt(`{"id":"${eventId}","type":"${type}","timestamp":"2026-11-23T10:00:00.000Z","environment":"sandbox","data":${data}}`);
}

const [a1, a2, a3, b1] = [change('A', 'pending'), change('A', 'in_progress'), change('A', 'picked_up'), change('B', 'pending')];
const changes = [a1, b1, a2, a3];

describe('the verdict', () => {
  test('finds nothing wrong with each shipment in order, however the shipments mix; a test request does not count', () => {
    const receipts = [receipt(change('', 'x'), 'webhook.test'), receipt(a1), receipt(a2), receipt(b1), receipt(a3)];
    const verdict = judge({ changes, receipts, invalidRequests: 0 });
    expect(verdict.faults).toEqual([]);
    expect(verdict.shipments).toMatchObject([
      { reference: 'ORD-A', happened: ['pending', 'in_progress', 'picked_up'], received: ['pending', 'in_progress', 'picked_up'] },
      { reference: 'ORD-B', happened: ['pending'], received: ['pending'] },
    ]);
    expect(renderVerdict(verdict)).toContain('All 4 status changes arrived');
  });

  const whole = changes.map((each) => receipt(each));
  test.each([
    ['missing', [receipt(a1), receipt(b1), receipt(a3)], 0, ['ORD-A: missing: in_progress (evt-A-in_progress)']],
    ['nothing at all of a shipment', [receipt(a1), receipt(a2), receipt(a3)], 0, ['ORD-B: missing: pending (evt-B-pending)']],
    [
      'out of order',
      [receipt(a2), receipt(a1), receipt(b1), receipt(a3)],
      0,
      ['ORD-A: out of order: in_progress (evt-A-in_progress) came too early'],
    ],
    ['invented', [...whole, receipt(change('A', 'returned'))], 0, ['ORD-A: invented: returned (evt-A-returned)']],
    [
      'invented, of a shipment that is not there',
      [...whole, receipt(change('C', 'pending'))],
      0,
      ['invented: event evt-C-pending of shipment "C", which does not exist'],
    ],
    [
      'altered',
      [receipt({ ...a1, data: a1.data.replace('17.0', '17') }), ...whole.slice(1)],
      0,
      ['ORD-A: altered: pending (evt-A-pending)'],
    ],
    ['unverified', whole, 2, ['unverified: 2 request(s) answered 403 Invalid signature']],
  ])('names what is %s', (_what, receipts, invalidRequests, faults) => {
    const verdict = judge({ changes, receipts, invalidRequests });
    expect(verdict.faults).toEqual(faults);
    expect(renderVerdict(verdict)).toContain(faults[0]);
  });
});

describe("the demo's options", () => {
  test('have defaults, and are read', () => {
    expect(readOptions([])).toEqual({ kind: 'run', options: { cadence: 'every 5s', walkMs: 24_000, sabotage: null } });
    expect(readOptions(['--cadence', 'every 1s', '--walk', '2.5', '--sabotage', 'wrong-secret'])).toEqual({
      kind: 'run',
      options: { cadence: 'every 1s', walkMs: 2_500, sabotage: 'wrong-secret' },
    });
  });

  test.each([
    [['--fast'], "Unknown option '--fast'"],
    [['now'], "Unexpected argument 'now'"],
    [['--walk', 'quickly'], '--walk takes seconds'],
    [['--sabotage', 'explode'], '--sabotage takes one of drop, reorder, tamper, wrong-secret, not "explode"'],
    [['--sabotage'], '--sabotage'],
  ])('%j is an error that says why', (args, message) => {
    expect(readOptions(args)).toEqual({ kind: 'error', message: expect.stringContaining(message) });
  });
});
