/**
 * Lanes: leasing, scanning, settling, releasing. The hot half of the store, by hand.
 *
 * A lane's row is `idle` (no holder; `first_at` and `due_at` say when it is wanted) or `leased`. Leasing clears both marks: from then on they
 * gather what is published or asked for meanwhile, and release lowers them by what the holder leaves behind. A lease that ends
 * without a release counts as due, so marks that died with their holder lose nothing.
 */
import type { LaneStore } from '../store.ts';
import type { SqliteContext } from './context.ts';
import { heldTarget, lease, release, renew, stirred } from './lease.ts';
import { cadenceGroups, upcoming } from './outlook.ts';
import { bodies, scan, scanDue, scanKey } from './scan.ts';
import { settle } from './settle.ts';

export function sqliteLanes(context: SqliteContext): LaneStore {
  const { db } = context;
  return {
    async outlook() {
      return { now: context.now(), groups: cadenceGroups(context) };
    },
    async lease(request) {
      return db.transaction(() => lease(context, request));
    },
    async renew({ leases, leaseMs }) {
      return db.transaction(() => renew(context, leases, leaseMs));
    },
    async stirred(request) {
      return stirred(context, request);
    },
    async scan(request) {
      return scan(context, request);
    },
    async scanDue(request) {
      return scanDue(context, request);
    },
    async scanKey(request) {
      return scanKey(context, request);
    },
    async bodies(seqs) {
      return bodies(context, seqs);
    },
    async target(held) {
      return heldTarget(context, held);
    },
    async settle(batch) {
      return settle(context, batch);
    },
    async release(batch) {
      db.transaction(() => {
        for (const released of batch) release(context, released);
      });
    },
    async upcoming() {
      return upcoming(context);
    },
  };
}
