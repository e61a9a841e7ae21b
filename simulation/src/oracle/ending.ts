/** What must hold when a history is over. */
import type { Delivery } from 'posthorn/src/store/store.ts';
import { checkForever } from './keeping.ts';
import type { Ledger } from './ledger.ts';
import type { DeliveryModel } from './model.ts';
import { queueOf } from './model.ts';
import { patience, readiness } from './punctuality.ts';

/** Compares what the store says in the end with the books. */
export function checkEnding(ledger: Ledger, stored: readonly Delivery[]): void {
  const { scene } = ledger;
  const seen = new Set<DeliveryModel>();
  for (const row of stored) {
    const delivery = ledger.deliveries.get(`${row.endpoint} ${row.event}`);
    if (delivery === undefined) {
      scene.fail('published', `the store has a delivery of ${row.event} that nobody published`);
      continue;
    }
    seen.add(delivery);
    const said = [row.status, row.reason, row.attemptCount, row.late];
    const expected = [delivery.status, delivery.reason, delivery.settledAttempts, delivery.late];
    if (said.join() !== expected.join()) {
      scene.fail('state', `${ledger.name(delivery)} is ${said.join(' ')} in the store, and should be ${expected.join(' ')}`);
    }
  }
  for (const delivery of ledger.deliveries.values()) {
    if (!seen.has(delivery)) scene.fail('lost', `${ledger.name(delivery)} was published, and the store has no such delivery`);
    if (delivery.status !== 'pending') continue;
    checkWaiting(ledger, delivery);
    checkForever(ledger, delivery);
  }
  checkAcceptances(ledger);
}

/** Nothing is still here that could have gone. */
function checkWaiting(ledger: Ledger, delivery: DeliveryModel): void {
  const ready = readiness(ledger, delivery);
  if ('waitsFor' in ready) {
    ledger.scene.count(`still waits in the end: ${ready.waitsFor.replace(/, behind .*/, '')}`);
    return;
  }
  const late = ledger.now - ready.at;
  if (late > patience(ledger)) {
    ledger.scene.fail(
      'stuck',
      `${ledger.name(delivery)} is still pending ${Math.round(late)} ms after it could have gone (${ready.because}), after ${delivery.attempts.length} attempts`,
    );
  }
}

/** Promise 4, as the endpoints saw it: first acceptances of a key come in publish order, but for what had ended before, or says that it is late. */
function checkAcceptances(ledger: Ledger): void {
  for (const endpoint of ledger.endpoints.values()) {
    if (endpoint.orderingChanged) continue;
    const queues = Map.groupBy(
      endpoint.deliveries.filter(({ firstAcceptedAt, firstAcceptedLate }) => firstAcceptedAt !== null && !firstAcceptedLate),
      (delivery) => queueOf({ ...delivery, late: false }),
    );
    for (const [queue, accepted] of queues) if (queue !== null) checkQueue(ledger, accepted);
  }
}

function checkQueue(ledger: Ledger, accepted: readonly DeliveryModel[]): void {
  for (const [index, later] of accepted.entries()) {
    for (const earlier of accepted.slice(0, index)) {
      if ((earlier.firstAcceptedAt ?? 0) <= (later.firstAcceptedAt ?? 0)) continue;
      // A request of the earlier one may still have been on its way when that had ended already.
      const started = Math.min(...later.attempts.map(({ startedAt }) => startedAt));
      if (earlier.firstResolvedAt !== null && earlier.firstResolvedAt <= started) continue;
      ledger.scene.fail('order', `e${later.endpoint.number} took in ${later.eventId} before ${earlier.eventId}`);
    }
  }
}
