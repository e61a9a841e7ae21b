/** Lanes, put together: the hot half of the store. Each statement has its file, with what it is for and what was tried. */
import type { LaneStore } from '../store.ts';
import type { PostgresContext } from './context.ts';
import { lease, renew, stirred, target, VOID_LEASES } from './lease.ts';
import { outlook, upcoming } from './outlook.ts';
import { release } from './release.ts';
import { bodies, scan, scanDue, scanKey } from './scan.ts';
import { settle } from './settle.ts';

/** @returns the lanes, and `giveBack`, which voids the leases that were taken through them and not released */
export function postgresLanes(context: PostgresContext): LaneStore & { giveBack(): Promise<void> } {
  const holders = new Set<string>();
  return {
    outlook: () => outlook(context),
    lease: (request) => {
      holders.add(request.holder);
      return lease(context, request);
    },
    renew: (request) => renew(context, request),
    stirred: (request) => stirred(context, request),
    scan: (request) => scan(context, request),
    scanDue: (request) => scanDue(context, request),
    scanKey: (request) => scanKey(context, request),
    bodies: (seqs) => bodies(context, seqs),
    target: (held) => target(context, held),
    settle: (batch) => settle(context, batch),
    release: (batch) => release(context, batch),
    upcoming: () => upcoming(context),
    async giveBack() {
      if (holders.size > 0) await context.hot.run(VOID_LEASES, [...holders], await context.clock.now());
    },
  };
}
