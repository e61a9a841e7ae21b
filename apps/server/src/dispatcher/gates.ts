/** The time that a dispatcher goes by, and what is open at it: as it last heard both from the store. */
import { type Clock, gate, nextTick } from '@posthorn/core';
import { storedCadence } from '../store/cadences.ts';
import type { Outlook, ScannedDelivery } from '../store/store.ts';
import type { LaneRun } from './lane-run.ts';

export class Gates {
  readonly #clock: Clock;
  /** The store's clock minus ours. */
  #offset = 0;
  #gates = new Map<string, number>();
  #cadences = new Map<string, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The store's clock, epoch milliseconds. */
  now(): number {
    return this.#clock.now() + this.#offset;
  }

  get byGroup(): ReadonlyMap<string, number> {
    return this.#gates;
  }

  /**
   * The store read its clock somewhere between question and answer, which may be far apart: after an answer that was long under way, or waited for
   * a process that stood still, what was known before is believed as far as it can be true.
   * @param askedAt by our clock
   */
  hear({ now, groups }: Outlook, askedAt: number): void {
    this.#offset = Math.min(Math.max(this.#offset, now - this.#clock.now()), now - askedAt);
    this.#gates = new Map(groups.map(({ group, cadence, openedAt }) => [group, Math.max(gate(storedCadence(cadence), now), openedAt)]));
    this.#cadences = new Map(groups.map(({ group, cadence }) => [group, cadence]));
  }

  of(run: LaneRun): number {
    return Math.max(this.#gates.get(run.group) ?? Number.NEGATIVE_INFINITY, run.openedAt);
  }

  /** What a lane decides by. */
  context(run: LaneRun): { now: number; gate: number } {
    return { now: this.now(), gate: this.of(run) };
  }

  /** When what a held lane set aside falls due, its gate's tick included. */
  wantedAt(run: LaneRun): number {
    const cadence = run.gatedFrom === null ? undefined : this.#cadences.get(run.group);
    const tick =
      run.gatedFrom === null || cadence === undefined ? Number.POSITIVE_INFINITY : nextTick(storedCadence(cadence), run.gatedFrom);
    return Math.min(tick, run.nextDueAt ?? Number.POSITIVE_INFINITY);
  }

  /** How long after its gate, or after its publish where that came later, a first attempt starts now. Milliseconds. */
  lagOf(run: LaneRun, { publishedAt }: ScannedDelivery): number {
    // A gate that moves with the clock (immediate) opened for this delivery when it was published.
    const opened = this.#cadences.get(run.group) === 'immediate' ? publishedAt : Math.max(this.of(run), publishedAt);
    return Math.max(0, this.now() - opened);
  }
}
