/** When a delivery's gate opened, reckoned from the cadences that were in force and the store's clock as it was. */
import { nextTick, parseCadence } from '@posthorn/core';
import type { Ledger } from './ledger.ts';
import type { CadencePeriod, DeliveryModel } from './model.ts';

/**
 * Whether its gate was ever open: a dispatcher may still act by a cadence that was changed just now. By the store's clock: once that was set back, what
 * was dispatched just before covers what is published until the clock has caught up.
 */
export function gateWasOpen(ledger: Ledger, { endpoint, publishedInstant }: DeliveryModel): boolean {
  return (
    endpoint.cadences.some((period) => (period.latestInstant ?? ledger.latestInstant) >= tickOf(period, publishedInstant)) ||
    endpoint.openings.some(({ instant }) => instant >= publishedInstant)
  );
}

/** Since when its gate is open, by the timeline; null: it is shut. */
export function gateOpenSince(ledger: Ledger, { endpoint, publishedAt, publishedInstant }: DeliveryModel): number | null {
  const opened = endpoint.openings.filter(({ at, instant }) => instant >= publishedInstant && at >= publishedAt).map(({ at }) => at);
  const period = endpoint.cadences.at(-1);
  if (period !== undefined) {
    const tick = tickOf(period, publishedInstant);
    if (ledger.instant >= tick) opened.push(Math.max(period.fromAt, publishedAt, ledger.scene.wall.timelineOf(tick)));
  }
  return opened.length === 0 ? null : Math.min(...opened);
}

function tickOf({ cadence }: CadencePeriod, instant: number): number {
  const reading = parseCadence(cadence);
  if (!reading.ok) throw new TypeError(`${cadence}: ${reading.message}`);
  return nextTick(reading.cadence, instant);
}
