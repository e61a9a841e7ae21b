/** What must hold of every settle: who may change a lane's state, and what an outcome means, reckoned anew. */
import type { DeliveryEnd } from '@posthorn/core';
import type { LaneResult, LaneSettlement, SettledAttempt } from 'posthorn/src/store/store.ts';
import type { Machine } from '../machine.ts';
import { askedPause, type HealthModel, healthAfter } from './health.ts';
import type { Ledger } from './ledger.ts';
import type { AttemptModel, DeliveryModel } from './model.ts';
import { queueOf, revivedInstantOf } from './model.ts';

const JITTER = 0.2;

/** Whether `lease` is the one in force, by the calls that were carried out. */
export function isCurrent(ledger: Ledger, lease: { readonly lane: number; readonly holder: string; readonly fence: number }): boolean {
  const held = ledger.leases.get(lease.lane);
  return held !== undefined && held.holder === lease.holder && held.fence === lease.fence;
}

/** A settle was carried out. @param settled.epoch of the lane's health as its holder knew it when it asked for that */
export function settleExecuted(
  ledger: Ledger,
  machine: Machine,
  {
    settlement,
    result,
    epoch,
  }: { readonly settlement: LaneSettlement; readonly result: LaneResult | undefined; readonly epoch: number | undefined },
): void {
  const { scene } = ledger;
  const current = isCurrent(ledger, settlement.lease);
  if (result !== 'stale' && !current) {
    scene.fail(
      'fence',
      `${machine.name} settles lane ${settlement.lease.lane} under fence ${settlement.lease.fence}, which is not in force`,
    );
    return;
  }
  if (result === 'stale' && current) {
    scene.fail('fence', `${machine.name} is refused a settle of lane ${settlement.lease.lane} although it holds it`);
    return;
  }
  if (result === 'stale') scene.count('fence refused a settle');
  else checkDisable(ledger, settlement, epoch);
  const { fence } = settlement.lease;
  const otherwise = settlement.attempts.filter((settled) => settleOne(ledger, machine, { settled, fence, stale: result === 'stale' }));
  if (otherwise.length > 0 && result !== 'look_anew')
    scene.fail('settle', `${machine.name} is not told to look anew at lane ${settlement.lease.lane}, where something waits otherwise`);
}

/** @returns whether its delivery waits otherwise than the attempt was to make it wait, or end */
function settleOne(
  ledger: Ledger,
  machine: Machine,
  { settled, fence, stale }: { readonly settled: SettledAttempt; readonly fence: number; readonly stale: boolean },
): boolean {
  const { scene } = ledger;
  const delivery = ledger.bySeq.get(settled.seq);
  const attempt = delivery === undefined ? undefined : attemptOf(delivery, machine, { settled, fence });
  if (delivery === undefined || attempt === undefined || attempt.outcome === null) {
    scene.fail('settle', `${machine.name} settles an attempt of delivery ${settled.seq} that it never made`);
    return false;
  }
  attempt.id = settled.attemptId;
  scene.note(() => `${machine.name} settles ${ledger.name(delivery)}: ${JSON.stringify(settled.end)}${stale ? ', refused' : ''}`);
  if (stale) {
    if (attempt.settled === 'no') attempt.settled = 'stale';
    return false;
  }
  if (attempt.settled === 'settled') {
    scene.count('settle repeated');
    return false;
  }
  attempt.settled = 'settled';
  checkEnd(ledger, attempt, settled);
  delivery.settledAttempts += 1;

  // Accepted is accepted, even if its time ran out while its request was out.
  const isPastExpiry = delivery.reason === 'expired' && settled.end.status === 'succeeded';
  if (delivery.status === 'pending' || isPastExpiry) return applyEnd(ledger, delivery, { attempt, settled });
  scene.count('canceled while its request was out');
  return false;
}

function attemptOf(
  delivery: DeliveryModel,
  machine: Machine,
  { settled, fence }: { readonly settled: SettledAttempt; readonly fence: number },
): AttemptModel | undefined {
  return (
    delivery.attempts.find((attempt) => attempt.id === settled.attemptId) ??
    delivery.attempts.find(
      (attempt) => attempt.id === null && attempt.machine === machine && attempt.fence === fence && attempt.outcome !== null,
    )
  );
}

/** @returns whether it waits otherwise */
function applyEnd(
  ledger: Ledger,
  delivery: DeliveryModel,
  { attempt, settled }: { readonly attempt: AttemptModel; readonly settled: SettledAttempt },
): boolean {
  const { end, wish, startedAt } = settled;
  delivery.settledAt = ledger.now;
  if (end.status !== 'succeeded' && settled.revivedAt !== revivedInstantOf(delivery)) {
    ledger.scene.count('re-sent while its request was out');
    return true;
  }
  const isAnother = attempt.epoch !== delivery.endpoint.health.epoch;
  const stays = (delivery.wish !== 0 && delivery.wish !== wish) || (isAnother && end.status === 'failed' && end.reason === 'endpoint_gone');
  if (end.status === 'failed' && stays) {
    ledger.scene.count('stays by hand, or since the endpoint is another');
    useUpWish(delivery, wish);
    delivery.failures += 1;
    delivery.dueInstant ??= startedAt;
    return true;
  }
  if (end.status !== 'pending') {
    delivery.status = end.status;
    delivery.reason = end.status === 'failed' ? end.reason : null;
    delivery.byHand = 'no';
    delivery.wish = 0;
    delivery.endings += 1;
    delivery.resolvedAt ??= ledger.now;
    delivery.firstResolvedAt ??= ledger.now;
    if (end.status === 'failed') ledger.scene.count(`failed: ${end.reason}`);
    return false;
  }
  delivery.failures = end.failures;
  delivery.dueInstant = end.dueAt;
  useUpWish(delivery, wish);
  const queue = queueOf(delivery);
  if (queue === null) return false;
  const isHeldUp = (later: DeliveryModel): boolean =>
    later.order > delivery.order && later.status === 'pending' && queueOf(later) === queue;
  if (delivery.endpoint.deliveries.some(isHeldUp)) ledger.scene.count('overtaking prevented');
  return false;
}

/** An attempt by hand uses up the wish that it went by; one that came later stands, beside the automatic attempts. */
function useUpWish(delivery: DeliveryModel, wish: number): void {
  if (wish === 0 || delivery.wish === 0) return;
  delivery.wish = delivery.wish === wish ? 0 : 1;
  delivery.byHand = delivery.wish === 0 ? 'no' : 'beside';
}

/** What the attempt should come to, by DESIGN and CONTRACT, against what the engine made of it. */
function checkEnd(ledger: Ledger, attempt: AttemptModel, settled: SettledAttempt): void {
  const wrong = endIsWrong(attempt, settled);
  if (wrong === null) return;
  ledger.scene.fail(
    'settle',
    `${ledger.name(attempt.delivery)} after ${attempt.failuresBefore} failures: ${JSON.stringify(attempt.outcome)} became ${JSON.stringify(settled.end)}; ${wrong}`,
  );
}

function endIsWrong(attempt: AttemptModel, { end, wish, first, revivedAt }: SettledAttempt): string | null {
  const { outcome } = attempt;
  const byHand = wish > 0;
  if (outcome === null) return 'nothing came of it yet';
  // Re-sent between its scan and its departure: it went as what it was before, and only counts.
  if (revivedAt !== attempt.revivedInstant) return null;
  if (byHand && attempt.wish === 'no') return 'nobody asked for it by hand';
  if (first !== (attempt.dueBefore === null && !byHand)) return `it ${first ? 'counts' : 'does not count'} as a dispatch`;
  if (outcome.kind === 'accepted') return end.status === 'succeeded' ? null : 'it was accepted';
  if (outcome.kind === 'refused' && outcome.status === 410 && !attempt.former) {
    return end.status === 'failed' && end.reason === 'endpoint_gone' ? null : 'the endpoint is gone';
  }
  if (byHand && attempt.wish === 'beside' && !wasLast(attempt)) {
    const same = end.status === 'pending' && end.failures === attempt.failuresBefore && end.dueAt === attempt.dueBefore;
    return same ? null : 'by hand leaves the automatic attempts as they were';
  }
  return retryIsWrong(attempt, end);
}

/** Its last automatic attempt failed before it. */
function wasLast({ failuresBefore, dueBefore, schedule, heardInstant }: AttemptModel): boolean {
  return failuresBefore > schedule.length && dueBefore !== null && dueBefore <= heardInstant;
}

function retryIsWrong(attempt: AttemptModel, end: DeliveryEnd): string | null {
  const failures = attempt.failuresBefore + 1;
  const seconds = attempt.schedule[failures - 1];
  if (seconds === undefined) return end.status === 'failed' && end.reason === 'attempts_exhausted' ? null : 'its schedule is used up';
  if (end.status !== 'pending') return 'its schedule is not used up';
  if (end.failures !== failures) return `that was failure ${failures}`;
  const floor = attempt.heardInstant + ((attempt.former ? null : askedPause(attempt)) ?? 0);
  const earliest = Math.max(floor, attempt.heardInstant + seconds * 1000);
  const latest = Math.max(floor, attempt.heardInstant + seconds * 1000 * (1 + JITTER));
  const due = end.dueAt ?? 0;
  return due >= earliest - 1 && due <= latest + 1 ? null : `its retry is due from ${earliest} to ${latest}`;
}

/** An endpoint is disabled by what its attempts came to, and by nothing else. */
function checkDisable(ledger: Ledger, { attempts, disable, lease }: LaneSettlement, epoch: number | undefined): void {
  const endpoint = ledger.byLane.get(lease.lane);
  const expected = attempts.map(({ attemptId, seq }) => {
    const attempt = ledger.bySeq.get(seq)?.attempts.find(({ id }) => id === attemptId);
    // Its endpoint's health was started anew between its answer and its settle.
    return attempt === undefined || attempt.epoch !== epoch ? null : attempt.disables;
  });
  if (disable !== (expected.find((each) => each !== null) ?? null)) {
    ledger.scene.fail(
      'settle',
      `lane ${lease.lane} is ${disable === null ? 'not ' : ''}disabled (${disable ?? expected.join()}) by what its attempts came to`,
    );
  }
  if (endpoint === undefined || endpoint.deleted || disable === null || endpoint.health.epoch !== epoch) return;
  endpoint.status = 'disabled';
  endpoint.stoppedAt ??= ledger.now;
  ledger.scene.count(disable === 'gone' ? '410 disabled an endpoint' : 'endpoint disabled for failing too long');
}

/** A settle is about to be asked for: what each of its attempts is to be booked as. */
export function settleAsked(ledger: Ledger, machine: Machine, batch: readonly LaneSettlement[]): void {
  const healths = new Map<number, HealthModel>();
  for (const { lease, attempts } of batch) {
    for (const settled of attempts) {
      const delivery = ledger.bySeq.get(settled.seq);
      const attempt = delivery === undefined ? undefined : attemptOf(delivery, machine, { settled, fence: lease.fence });
      if (attempt === undefined) continue;
      attempt.id = settled.attemptId;
      attempt.byHand = settled.wish > 0;
    }
    const known = ledger.books(machine).lanes.get(lease.lane);
    if (known?.fence !== lease.fence) continue;
    known.health = known.heard.reduce(healthAfter, known.base);
    healths.set(lease.lane, known.health);
  }
  ledger.asked.set(batch, healths);
}

/** What a call that was carried out wrote of its lanes' health: nothing over one that was started anew meanwhile. */
export function healthWritten(
  ledger: Ledger,
  batch: readonly { readonly lease: { readonly lane: number } }[],
  isWritten: (index: number) => boolean,
): void {
  const healths = ledger.asked.get(batch);
  for (const [index, { lease }] of batch.entries()) {
    const endpoint = ledger.byLane.get(lease.lane);
    const health = healths?.get(lease.lane);
    if (endpoint !== undefined && health !== undefined && isWritten(index) && health.epoch === endpoint.health.epoch)
      endpoint.health = health;
  }
}
