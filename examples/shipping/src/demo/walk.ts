import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseExact } from '../exact-json.ts';
import { sampleFile } from '../lifecycle.ts';
import type { JsonClient } from './http.ts';

/** The lives of the demo's shipments after booking: where the carrier says something, it stands beside the status. */
const lives: readonly (readonly (readonly [status: string, carrierMessage?: string])[])[] = [
  [['in_progress'], ['picked_up', 'Collected from sender'], ['in_transit'], ['out_for_delivery'], ['delivered', 'Signed by: A. Gold']],
  [['in_progress'], ['cancelled']],
  [
    ['in_progress'],
    ['picked_up'],
    ['in_transit', 'Left Lagos hub'],
    ['out_for_delivery'],
    ['delivery_failed', 'Nobody was there'],
    ['returned'],
  ],
  [
    ['in_progress'],
    ['picked_up'],
    ['in_transit'],
    ['out_for_delivery'],
    ['delivery_failed', 'Address not found'],
    ['out_for_delivery'],
    ['delivered'],
  ],
];

export interface WalkOptions {
  /** The shipments API. */
  readonly shipments: JsonClient;
  readonly durationMs: number;
  readonly signal: AbortSignal;
  readonly onChange: (reference: string, status: string) => void;
}

/** Books the shipments and takes them through their lives, a step of each in turn, evenly over the duration. */
export async function walk({ shipments, durationMs, signal, onChange }: WalkOptions): Promise<void> {
  const steps = lives.reduce((sum, life) => sum + life.length + 1, 0);
  const pauseMs = durationMs / steps;
  const booking = sampleBooking();
  const ids: string[] = [];
  for (let step = -1; lives.some((life) => step < life.length); step += 1) {
    for (const [index, life] of lives.entries()) {
      const next = life[step];
      if (step >= 0 && next === undefined) continue;
      const reference = `ORD-2026-${4711 + index}`;
      if (next === undefined) {
        const booked = await shipments<{ id: string; status: string }>('POST', '/shipments', { ...booking, reference });
        ids.push(booked.id);
        onChange(reference, booked.status);
      } else {
        const [status, carrierMessage] = next;
        await shipments('POST', `/shipments/${ids[index]}/status`, { status, carrier_message: carrierMessage });
        onChange(reference, status);
      }
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

/** What the sample's first event says of its shipment, less what the shipments API decides itself. Its 17.0 and its long id stay as they are. */
function sampleBooking(): Record<string, unknown> {
  const sample = parseExact(readFileSync(sampleFile, 'utf8')) as { events: { data: { shipment: Record<string, unknown> } }[] };
  const { id: _id, status: _status, ...booking } = sample.events[0]?.data.shipment ?? {};
  return booking;
}
