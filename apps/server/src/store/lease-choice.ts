/** Which of the lanes that could be leased are. */
import { STANDINGS } from '@posthorn/core';
import type { LeaseLimits } from './store.ts';

export interface LeaseCandidate {
  readonly pk: number;
  /** Its place in STANDINGS. */
  readonly standing: number;
  /** Since when it waits. */
  readonly at: number;
  /** Something in it was asked for by hand. */
  readonly wished?: boolean | 0 | 1;
}

/** What somebody waits for, then the oldest, within the limits. @returns their keys */
export function chooseLanes(found: readonly LeaseCandidate[], limits: LeaseLimits): number[] {
  const left = STANDINGS.map((name) => limits[name]);
  let beyond = limits.wished ?? 0;
  const chosen = new Set<number>();
  const inTurn = found.toSorted((a, b) => Number(b.wished ?? 0) - Number(a.wished ?? 0) || a.at - b.at);
  for (const { pk, standing, wished } of inTurn) {
    if (chosen.has(pk) || (left[0] ?? 0) <= 0) continue;
    // A limit holds for its standing and all that are less trusted.
    if (left.slice(0, standing + 1).some((room) => room <= 0)) {
      if (!wished || beyond <= 0) continue;
      beyond -= 1;
    }
    chosen.add(pk);
    for (let each = 0; each <= standing; each += 1) left[each] = (left[each] ?? 0) - 1;
  }
  return [...chosen];
}
