import { DatabaseSync } from 'node:sqlite';

/** A change as the shipments database has it, with the event that tells of it. */
export interface Change {
  readonly shipmentId: string;
  readonly reference: string;
  readonly eventId: string;
  readonly status: string;
  /** The event's data, as JSON text. */
  readonly data: string;
}

/** An event as the receiver recorded it: verified, each id once. */
export interface Receipt {
  readonly eventId: string;
  readonly type: string;
  /** These three are of the shipment in `data`; empty for an event that speaks of none. */
  readonly shipmentId: string;
  readonly reference: string;
  readonly status: string;
  /** The whole body, as it came. */
  readonly body: string;
}

/** All changes, in the order in which they were made. */
export function readChanges(shipmentsDatabase: string): Change[] {
  return readRows(
    shipmentsDatabase,
    `SELECT shipment_id AS shipmentId, reference, event_id AS eventId, history.status, coalesce(outbox.data, '') AS data
     FROM history JOIN shipments ON shipments.id = shipment_id LEFT JOIN outbox ON outbox.id = event_id
     ORDER BY history.position`,
  ) as unknown as Change[];
}

/** All events, in the order in which they were first received. */
export function readReceipts(receiverDatabase: string): Receipt[] {
  return readRows(receiverDatabase, 'SELECT body FROM received ORDER BY position').map(({ body }) => readReceipt(String(body)));
}

/** Reads a webhook's body. */
export function readReceipt(body: string): Receipt {
  const { id, type, data } = JSON.parse(body) as {
    id: string;
    type: string;
    data: { shipment?: { id: string; reference: string; status: string } };
  };
  const shipment = data.shipment ?? { id: '', reference: '', status: '' };
  return { eventId: id, type, shipmentId: shipment.id, reference: shipment.reference, status: shipment.status, body };
}

function readRows(file: string, query: string): Record<string, unknown>[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database.prepare(query).all();
  } finally {
    database.close();
  }
}
