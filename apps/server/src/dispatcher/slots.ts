/** Slots of a dispatcher, or those that it gives to one destination, and who uses them. */
import type { Standing } from '@posthorn/core';
import type { LeaseLimits } from '../store/store.ts';

export class Slots {
  readonly #size: number;
  readonly #used: Record<Standing, number> = { proven: 0, untried: 0, failing: 0 };

  constructor(size: number) {
    this.#size = size;
  }

  get used(): number {
    return this.#used.proven + this.#used.untried + this.#used.failing;
  }

  take(standing: Standing): void {
    this.#used[standing] += 1;
  }

  free(standing: Standing): void {
    this.#used[standing] -= 1;
  }

  /**
   * Others come first: all failing lanes together get half of the slots, those that never had a success with them three quarters. So what only hangs,
   * even by the thousand, leaves room for new endpoints, and both for the proven ones.
   * @param beyond so many more than its share
   */
  isFull(standing: Standing, beyond: number): boolean {
    const { failing, untried } = this.#used;
    if (this.used >= this.#size) return true;
    if (standing === 'failing' && failing >= Math.max(1, this.#size >> 1) + beyond) return true;
    return standing !== 'proven' && failing + untried >= Math.max(1, this.#size - (this.#size >> 2)) + beyond;
  }
}

/**
 * How many more lanes may be held, by the same shares. A lane that only awaits its last answers takes no room from others.
 * @param most lanes in all
 */
export function leaseRoom(held: Iterable<{ readonly standing: Standing; readonly stopping: boolean }>, most: number): LeaseLimits {
  const count: Record<Standing, number> = { proven: 0, untried: 0, failing: 0 };
  for (const { standing, stopping } of held) if (!stopping) count[standing] += 1;
  const proven = most - count.proven - count.untried - count.failing;
  const untried = Math.min(proven, most - (most >> 2) - count.untried - count.failing);
  const failing = (most >> 1) - count.failing;
  // What somebody waits for is leased now, even if all lanes that fail have their share.
  const wished = Math.max(1, most >> 5) + Math.min(0, failing);
  return { proven, untried, failing: Math.min(untried, failing), wished };
}
