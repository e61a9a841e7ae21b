/** Slots of a dispatcher, or those that it gives to one destination, and who uses them. */
import type { Standing } from '@posthorn/core';

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
