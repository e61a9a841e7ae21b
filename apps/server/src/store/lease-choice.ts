/** Which of the lanes that could be leased are. */
import { STANDINGS } from '@posthorn/core';
import type { LeaseLimits } from './store.ts';

export interface LeaseCandidate {
  readonly pk: number;
  /** Its place in STANDINGS. */
  readonly standing: number;
  /** Since when it waits. */
  readonly at: number;
}

/** The oldest first, within the limits. @returns their keys */
export function chooseLanes(found: readonly LeaseCandidate[], limits: LeaseLimits): number[] {
  const left = STANDINGS.map((name) => limits[name]);
  const chosen = new Set<number>();
  for (const { pk, standing } of found.toSorted((a, b) => a.at - b.at)) {
    // A limit holds for its standing and all that are less trusted.
    if (chosen.has(pk) || left.slice(0, standing + 1).some((room) => room <= 0)) continue;
    chosen.add(pk);
    for (let each = 0; each <= standing; each += 1) left[each] = (left[each] ?? 0) - 1;
  }
  return [...chosen];
}
