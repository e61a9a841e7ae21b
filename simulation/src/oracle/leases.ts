/** What must hold of leases: one holder at a time, fences that only grow, nothing changed by who holds a lane no more. */
import type { LaneTarget, Lease, LeasedLane, RenewedLane } from 'posthorn/src/store/store.ts';
import type { Machine } from '../machine.ts';
import type { HealthModel } from './health.ts';
import type { Ledger } from './ledger.ts';
import { type LaneKnowledge, stopOf } from './model.ts';
import { isCurrent } from './settling.ts';

/** Leases of one lane within a second past which it counts as a spin. */
const MOST_LEASES_PER_SECOND = 60;

const recent = new WeakMap<Ledger, Map<number, number[]>>();

/** Lanes were leased; those whose lease had ended were freed first. */
export function lanesLeased(ledger: Ledger, machine: Machine, leased: readonly LeasedLane[]): void {
  const { scene } = ledger;
  const instant = ledger.instant;
  const ended = new Set<number>();
  for (const [lane, lease] of ledger.leases) {
    if (lease.untilInstant > instant) continue;
    ledger.leases.delete(lane);
    ended.add(lane);
  }
  for (const { lease, leaseUntil, target, state } of leased) {
    const { lane, fence } = lease;
    const held = ledger.leases.get(lane);
    if (held !== undefined) scene.fail('lease', `${machine.name} leases lane ${lane}, which ${held.machine.name} holds`);
    if (fence <= (ledger.lastFence.get(lane) ?? 0)) scene.fail('fence', `lane ${lane} is leased under fence ${fence}, which is not new`);
    ledger.lastFence.set(lane, fence);
    const endpoint = ledger.endpoints.get(target.endpoint.id);
    if (endpoint === undefined || stopOf(endpoint) !== null) {
      scene.fail(
        'stopped',
        `${machine.name} leases lane ${lane}, whose endpoint is ${endpoint === undefined ? 'unknown' : stopOf(endpoint)}`,
      );
      continue;
    }
    endpoint.lane = lane;
    ledger.byLane.set(lane, endpoint);
    ledger.leases.set(lane, { lane, machine, holder: lease.holder, fence, untilInstant: leaseUntil });
    scene.note(
      () => `${machine.name} leases lane ${lane} (e${endpoint.number}) under fence ${fence}${ended.has(lane) ? ', taken over' : ''}`,
    );
    if (ended.has(lane)) {
      scene.count('lane taken over');
      // Whoever had it may have sent what it never settled.
      endpoint.rateAt = 0;
    }
    if (state.failingSince !== null) scene.count('failing lane leased');
    ledger.toldHealth.set(lease, endpoint.health);
    noteLease(ledger, lane);
  }
}

function noteLease(ledger: Ledger, lane: number): void {
  const lanes = recent.get(ledger) ?? new Map<number, number[]>();
  recent.set(ledger, lanes);
  const times = (lanes.get(lane) ?? []).filter((at) => at > ledger.now - 1000);
  times.push(ledger.now);
  lanes.set(lane, times);
  if (times.length > MOST_LEASES_PER_SECOND) ledger.scene.fail('spin', `lane ${lane} was leased ${times.length} times within a second`);
}

/** A dispatcher hears which lanes it got. */
export function leasesHeard(
  ledger: Ledger,
  machine: Machine,
  { leased, askedAt }: { readonly leased: readonly LeasedLane[]; readonly askedAt: number },
): void {
  const books = ledger.books(machine);
  for (const { lease, leaseUntil, target } of leased) {
    const endpoint = ledger.endpoints.get(target.endpoint.id);
    if (endpoint === undefined) continue;
    books.lanes.set(lease.lane, {
      lane: lease.lane,
      endpoint,
      fence: lease.fence,
      target,
      untilInstant: leaseUntil,
      goodUntil: askedAt + ledger.scene.limits.leaseMs,
      lost: false,
      failureHeardAt: 0,
      ...told(ledger.toldHealth.get(lease) ?? endpoint.health),
    });
  }
}

/** Leases were prolonged. */
export function leasesRenewed(ledger: Ledger, machine: Machine, renewed: readonly RenewedLane[]): void {
  for (const { lease, leaseUntil } of renewed) {
    const held = ledger.leases.get(lease.lane);
    if (held === undefined || !isCurrent(ledger, lease)) {
      ledger.scene.fail('fence', `${machine.name} prolongs its lease of lane ${lease.lane}, which is not in force`);
    } else {
      held.untilInstant = leaseUntil;
    }
  }
}

/** A dispatcher hears which leases were prolonged: it has lost the others. */
export function renewalsHeard(
  ledger: Ledger,
  machine: Machine,
  { asked, renewed, askedAt }: { readonly asked: readonly Lease[]; readonly renewed: readonly RenewedLane[]; readonly askedAt: number },
): void {
  for (const { lane, fence } of asked) {
    const known = ledger.books(machine).lanes.get(lane);
    if (known === undefined || known.fence !== fence) continue;
    const answer = renewed.find(({ lease }) => lease.lane === lane && lease.fence === fence);
    if (answer === undefined) {
      known.lost = true;
      ledger.scene.count('lease found lost at its renewal');
    } else {
      known.untilInstant = answer.leaseUntil;
      known.goodUntil = askedAt + ledger.scene.limits.leaseMs;
    }
  }
}

function told(health: HealthModel): Pick<LaneKnowledge, 'base' | 'heard' | 'health'> {
  return { base: health, heard: [], health };
}

/** Lanes were given back. */
export function lanesReleased(ledger: Ledger, machine: Machine, leases: readonly Lease[]): void {
  for (const lease of leases) {
    const known = ledger.books(machine).lanes.get(lease.lane);
    if (known?.fence === lease.fence) known.lost = true;
    if (isCurrent(ledger, lease)) {
      ledger.leases.delete(lease.lane);
      ledger.scene.note(() => `${machine.name} releases lane ${lease.lane}`);
    } else {
      ledger.scene.count('release of a lost lane passed over');
    }
  }
}

/** A dispatcher hears what its lane's endpoint is like now; null: the lane is lost. */
export function targetHeard(
  ledger: Ledger,
  machine: Machine,
  { lease, target }: { readonly lease: Lease; readonly target: LaneTarget | null },
): void {
  const known = ledger.books(machine).lanes.get(lease.lane);
  if (known === undefined || known.fence !== lease.fence) return;
  if (target === null) {
    known.lost = true;
    return;
  }
  known.target = target;
  const health = ledger.toldHealth.get(target) ?? known.endpoint.health;
  if (health.epoch !== known.health.epoch) Object.assign(known, told(health));
}
