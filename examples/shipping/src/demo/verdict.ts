import type { Change, Receipt } from './evidence.ts';

export interface Verdict {
  readonly shipments: readonly ShipmentVerdict[];
  /** One sentence for each thing that is wrong; none: what was received is what happened. */
  readonly faults: readonly string[];
}

export interface ShipmentVerdict {
  readonly reference: string;
  /** The statuses in the database, oldest first. */
  readonly happened: readonly string[];
  /** The statuses received, in the order of their arrival. */
  readonly received: readonly string[];
  readonly faults: readonly string[];
}

export interface Evidence {
  /** In the order in which they were made. */
  readonly changes: readonly Change[];
  /** Verified, deduped, in the order of their arrival. */
  readonly receipts: readonly Receipt[];
  /** Requests whose signature the receiver refused. */
  readonly invalidRequests: number;
}

/** Compares what the receiver verified with what happened, shipment by shipment and event by event. */
export function judge({ changes, receipts: everything, invalidRequests }: Evidence): Verdict {
  const receipts = everything.filter(({ type }) => type !== 'webhook.test');
  const shipments = [...Map.groupBy(changes, ({ shipmentId }) => shipmentId)].map(([shipmentId, happened]) =>
    judgeShipment(
      happened,
      receipts.filter((receipt) => receipt.shipmentId === shipmentId),
    ),
  );
  const faults = shipments.flatMap(({ reference, faults }) => faults.map((fault) => `${reference}: ${fault}`));
  const known = new Set(changes.map(({ shipmentId }) => shipmentId));
  for (const { eventId, shipmentId } of receipts) {
    if (!known.has(shipmentId)) faults.push(`invented: event ${eventId} of shipment "${shipmentId}", which does not exist`);
  }
  if (invalidRequests > 0) faults.push(`unverified: ${invalidRequests} request(s) answered 403 Invalid signature`);
  return { shipments, faults };
}

function judgeShipment(happened: readonly Change[], received: readonly Receipt[]): ShipmentVerdict {
  const changes = new Map(happened.map((change) => [change.eventId, change]));
  const arrived = new Set(received.map(({ eventId }) => eventId));
  const faults: string[] = [];
  for (const { eventId, status } of happened) {
    if (!arrived.has(eventId)) faults.push(`missing: ${status} (${eventId})`);
  }
  for (const { eventId, status, body } of received) {
    const change = changes.get(eventId);
    if (change === undefined) faults.push(`invented: ${status} (${eventId})`);
    // The data comes last in a body, and every digit of it as it was published.
    else if (!body.endsWith(`,"data":${change.data}}`)) faults.push(`altered: ${status} (${eventId})`);
  }
  const expectedOrder = happened.filter(({ eventId }) => arrived.has(eventId));
  const order = received.filter(({ eventId }) => changes.has(eventId));
  const first = order.find(({ eventId }, index) => eventId !== expectedOrder[index]?.eventId);
  if (first !== undefined) faults.push(`out of order: ${first.status} (${first.eventId}) came too early`);
  return {
    reference: happened[0]?.reference ?? '',
    happened: happened.map(({ status }) => status),
    received: received.map(({ status }) => status),
    faults,
  };
}

/** The verdict as a table for the terminal. */
export function renderVerdict({ shipments, faults }: Verdict): string {
  const lines = shipments.flatMap(({ reference, happened, received, faults: own }) => [
    `${reference}  ${own.length === 0 ? 'ok' : 'NOT OK'}`,
    `    happened (${happened.length})  ${happened.join(' > ')}`,
    `    received (${received.length})  ${received.join(' > ')}`,
  ]);
  const happened = shipments.reduce((sum, shipment) => sum + shipment.happened.length, 0);
  const end =
    faults.length === 0
      ? [`All ${happened} status changes arrived, each verified, in order, and digit for digit. Nothing else did.`]
      : ['What was received is not what happened:', ...faults.map((fault) => `  ${fault}`)];
  return [...lines, '', ...end].join('\n');
}
