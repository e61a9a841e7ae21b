import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApi } from '../src/api.ts';
import { readLifecycle } from '../src/lifecycle.ts';
import { openShipments, type Shipments } from '../src/shipments.ts';

const lifecycle = readLifecycle();
const bookingText = `{ "reference": "ORD-1", "legacy_id": 1234567890123456789, "carrier": "GIG Logistics",
  "sender": { "name": "Ọláyínká Fabrics", "city": "Lagos", "country": "NG" },
  "recipient": { "name": "Adékúnlé Gọ́ld", "city": "Abuja", "country": "NG" },
  "parcels": [{ "weight_kg": 17.0, "description": "Aso-oke 🧵" }] }`;

let folder: string;
let shipments: Shipments;
let api: ReturnType<typeof createApi>;
let changes: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipping-'));
  let ids = 0;
  shipments = openShipments({
    file: join(folder, 'shipments.db'),
    lifecycle,
    now: () => new Date(Date.UTC(2026, 10, 23, 10)),
    newId: () => `${++ids}`,
  });
  changes = 0;
  api = createApi({ shipments, lifecycle, onChange: () => changes++ });
});

afterEach(async () => {
  await api.close();
  shipments.close();
  rmSync(folder, { recursive: true });
});

async function post(url: string, payload: string | object) {
  const response = await api.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } });
  return { status: response.statusCode, type: response.headers['content-type'], text: response.body, json: response.json() };
}

async function book(reference: string): Promise<string> {
  const { json } = await post('/shipments', bookingText.replace('ORD-1', reference));
  return json.id;
}

/** A shortest way from the first status to this one, by the sample's transitions. */
function wayTo(status: string): string[] {
  const ways = new Map<string, string[]>([[lifecycle.first, []]]);
  for (const [at, way] of ways) {
    for (const next of lifecycle.possibleAfter(at)) if (!ways.has(next)) ways.set(next, [...way, next]);
  }
  const way = ways.get(status);
  if (way === undefined) throw new Error(`no way leads to ${status}`);
  return way;
}

describe('transitions', () => {
  const pairs = lifecycle.statuses.flatMap((from) => lifecycle.statuses.map((to) => [from, to] as const));

  test.each(pairs)('%s -> %s', async (from, to) => {
    const id = await book('ORD-1');
    for (const status of wayTo(from)) expect((await post(`/shipments/${id}/status`, { status })).status).toBe(200);
    const before = { changes, waiting: shipments.outbox.status().waiting };

    const answer = await post(`/shipments/${id}/status`, { status: to });

    const possible = lifecycle.possibleAfter(from);
    if (possible.includes(to)) {
      expect(answer).toMatchObject({ status: 200, json: { id, status: to } });
      expect({ changes, waiting: shipments.outbox.status().waiting }).toEqual({ changes: before.changes + 1, waiting: before.waiting + 1 });
    } else {
      expect(answer).toMatchObject({
        status: 409,
        type: expect.stringContaining('application/problem+json'),
        json: { status_now: from, possible },
      });
      expect({ changes, waiting: shipments.outbox.status().waiting }).toEqual(before);
    }
  });

  test('the sample has the statuses and transitions that the README tells of', () => {
    expect(lifecycle.first).toBe('pending');
    expect(lifecycle.possibleAfter('in_transit')).toEqual(['out_for_delivery', 'delivery_failed', 'returned']);
    expect(lifecycle.possibleAfter('delivered')).toEqual([]);
  });
});

describe('the API', () => {
  test('shows a shipment with its history, its numbers digit for digit', async () => {
    const id = await book('ORD-1');
    await post(`/shipments/${id}/status`, { status: 'in_progress', carrier_message: 'Label printed' });
    const response = await api.inject(`/shipments/${id}`);
    expect(response.json()).toMatchObject({
      id,
      status: 'in_progress',
      reference: 'ORD-1',
      history: [
        { status: 'pending', at: '2026-11-23T10:00:00.000Z' },
        { status: 'in_progress', at: '2026-11-23T10:00:00.000Z', carrier_message: 'Label printed' },
      ],
    });
    expect(response.body).toContain('"legacy_id":1234567890123456789');
    expect(response.body).toContain('"weight_kg":17.0');
    expect((await api.inject('/shipments')).body).toContain('"weight_kg":17.0');
  });

  test.each([
    ['not JSON', '{"reference":'],
    ['a field that nobody knows', bookingText.replace('"carrier"', '"colour": "red", "carrier"')],
    ['a missing field', bookingText.replace('"carrier": "GIG Logistics",', '')],
    ['a number as text', bookingText.replace('17.0', '"17.0"')],
    ['no weight', bookingText.replace('17.0', '0')],
  ])('refuses %s', async (_what, payload) => {
    expect(await post('/shipments', payload)).toMatchObject({
      status: 400,
      type: expect.stringContaining('application/problem+json'),
      json: { code: 'invalid_request' },
    });
    expect((await api.inject('/shipments')).json()).toEqual({ data: [] });
  });

  test('refuses a status that no shipment can have, and a shipment that is not there', async () => {
    const id = await book('ORD-1');
    expect(await post(`/shipments/${id}/status`, { status: 'eaten' })).toMatchObject({ status: 400 });
    expect(await post('/shipments/shp_none/status', { status: 'in_progress' })).toMatchObject({
      status: 404,
      json: { code: 'unknown_shipment' },
    });
  });

  test('books a reference once: a repeat names the shipment that has it', async () => {
    const id = await book('ORD-1');
    expect(await post('/shipments', bookingText)).toMatchObject({ status: 409, json: { code: 'reference_taken', shipment: id } });
    expect((await api.inject('/shipments')).json().data).toHaveLength(1);
  });
});

describe('the outbox', () => {
  test('has one event for each change, in order, with the data as it was then', async () => {
    const id = await book('ORD-1');
    await post(`/shipments/${id}/status`, { status: 'in_progress', carrier_message: 'Label printed' });
    await post(`/shipments/${id}/status`, { status: 'cancelled' });

    const events = shipments.outbox.next(100);

    expect(events.map(({ type }) => type)).toEqual(['shipment.created', 'shipment.status_updated', 'shipment.cancelled']);
    expect(events.map(({ orderingKey }) => orderingKey)).toEqual([id, id, id]);
    for (const event of events) {
      expect(event.id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      expect(event.data).toContain('"legacy_id":1234567890123456789');
      expect(event.data).toContain('"weight_kg":17.0');
    }
    expect(JSON.parse(events[1]?.data ?? '')).toMatchObject({
      shipment: { id, status: 'in_progress', reference: 'ORD-1' },
      previous_status: 'pending',
      carrier_message: 'Label printed',
      history: [{ status: 'pending' }, { status: 'in_progress' }],
    });
  });

  test('keeps neither the change nor the event if one of the two cannot be written', async () => {
    const id = await book('ORD-1');
    const sabotage = new DatabaseSync(join(folder, 'shipments.db'));
    // The event is the last thing that a change writes, so everything before it must be undone.
    sabotage.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'disk full'); END");

    expect(() => shipments.changeStatus(id, { status: 'in_progress' })).toThrow('disk full');
    expect(() => shipments.book({ reference: 'ORD-2' })).toThrow('disk full');

    expect(shipments.find(id)).toMatchObject({ status: 'pending', history: [{ status: 'pending' }] });
    expect(shipments.list()).toHaveLength(1);
    expect(shipments.outbox.status().waiting).toBe(1);
    sabotage.exec('DROP TRIGGER full');
    sabotage.close();
    expect(shipments.changeStatus(id, { status: 'in_progress' })).toMatchObject({ kind: 'changed' });
  });

  test('holds what comes after an event that was set aside, of the same shipment only, until somebody decides', async () => {
    const first = await book('ORD-1');
    const second = await book('ORD-2');
    await post(`/shipments/${first}/status`, { status: 'in_progress' });
    const [created] = shipments.outbox.next(1);
    shipments.outbox.setAside(created?.id ?? '', '422 no such type');

    expect(shipments.outbox.next(100).map(({ orderingKey }) => orderingKey)).toEqual([second]);
    expect((await api.inject('/outbox')).json()).toEqual({
      waiting: 2,
      set_aside: [{ id: created?.id, ordering_key: first, reason: '422 no such type', held: 1 }],
    });

    expect(await post(`/outbox/${created?.id}/retry`, {})).toMatchObject({ status: 200, json: { waiting: 3, set_aside: [] } });
    expect(shipments.outbox.next(100).map(({ orderingKey }) => orderingKey)).toEqual([first, second, first]);

    shipments.outbox.setAside(created?.id ?? '', '422 no such type');
    expect(await post(`/outbox/${created?.id}/skip`, {})).toMatchObject({ status: 200, json: { waiting: 2 } });
    expect(shipments.outbox.next(100).map(({ orderingKey }) => orderingKey)).toEqual([second, first]);
    expect(await post(`/outbox/${created?.id}/skip`, {})).toMatchObject({ status: 404 });
  });
});
