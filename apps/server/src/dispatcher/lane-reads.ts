/** What a held lane needs to know next of the store: its target, followers of a key, what is due, or the next part of its scan. */
import type { LaneStore } from '../store/store.ts';
import type { Gates } from './gates.ts';
import type { LaneRun } from './lane-run.ts';

const SCAN_LIMIT = 256;
const KEY_LIMIT = 64;

export class LaneReads {
  readonly #lanes: LaneStore;
  readonly #gates: Gates;
  readonly #onLost: (run: LaneRun) => void;

  /** @param options.onLost the lane is somebody else's */
  constructor({ lanes, gates, onLost }: { readonly lanes: LaneStore; readonly gates: Gates; readonly onLost: (run: LaneRun) => void }) {
    this.#lanes = lanes;
    this.#gates = gates;
    this.#onLost = onLost;
  }

  /** The read that comes first; null: it knows enough for now. */
  next(run: LaneRun): (() => Promise<void>) | null {
    if (run.targetStale && !run.stopping) return () => this.#refresh(run);
    if (run.keyToFetch !== null && !run.stopping) return () => this.#fetchKey(run);
    if (run.wantsDue) return () => this.#scanDue(run);
    if (run.wantsScan) return () => this.#scan(run);
    return null;
  }

  async #scan(run: LaneRun): Promise<void> {
    const gate = this.#gates.of(run);
    const { lane, generation, cursor } = run;
    const result = await this.#lanes.scan({ lane, ordering: run.target.endpoint.ordering, after: cursor, limit: SCAN_LIMIT, gate });
    if (run.generation === generation) run.absorb(result, { now: this.#gates.now(), gate });
  }

  async #scanDue(run: LaneRun): Promise<void> {
    const { lane, generation } = run;
    const result = await this.#lanes.scanDue({ lane, ordering: run.target.endpoint.ordering });
    if (run.generation === generation) run.absorbDue(result, this.#gates.context(run));
  }

  async #fetchKey(run: LaneRun): Promise<void> {
    const wanted = run.keyToFetch;
    if (wanted === null) return;
    const { lane, generation } = run;
    const { queue, orderingKey, late, after } = wanted;
    const deliveries = await this.#lanes.scanKey({ lane, orderingKey, late, after, limit: KEY_LIMIT });
    if (run.generation === generation) run.absorbKey(queue, deliveries, { ...this.#gates.context(run), limit: KEY_LIMIT });
  }

  async #refresh(run: LaneRun): Promise<void> {
    run.targetStale = false;
    const looked = await this.#lanes.target(run.leased.lease);
    if (looked === null) {
      this.#onLost(run);
      return;
    }
    const orderingChanged = looked.target.endpoint.ordering !== run.target.endpoint.ordering;
    run.target = looked.target;
    // Its health was started anew: what this lease knows of it does not count any more.
    if (looked.state.epoch !== run.state.epoch) run.state = { ...looked.state, rateAt: run.state.rateAt };
    run.openedAt = looked.openedAt;
    run.group = looked.group;
    if (looked.target.braked || looked.target.endpoint.status !== 'enabled' || orderingChanged) run.bar();
    else run.rescan();
  }
}
