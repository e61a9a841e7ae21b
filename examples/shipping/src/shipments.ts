import { DatabaseSync } from 'node:sqlite';
import { parseExact } from './exact-json.ts';
import type { Lifecycle } from './lifecycle.ts';
import { type Outbox, openOutbox, transaction } from './outbox.ts';

/** What a customer says when booking: JSON-ready, numbers as `parseExact` gives them. */
export interface Booking {
  readonly reference: string;
  readonly [field: string]: unknown;
}

export interface HistoryEntry {
  readonly status: string;
  readonly at: string;
  readonly carrier_message?: string;
}

export interface Shipment extends Booking {
  readonly id: string;
  readonly status: string;
}

export type Booked = { readonly kind: 'booked'; readonly shipment: Shipment } | { readonly kind: 'reference_taken'; readonly id: string };

export type StatusChanged =
  | { readonly kind: 'changed'; readonly shipment: Shipment }
  | { readonly kind: 'unknown_shipment' }
  | { readonly kind: 'not_possible'; readonly status: string; readonly possible: readonly string[] };

export interface Shipments {
  /** Books a shipment. A reference is used once, so that a client whose answer got lost can ask again. */
  book(booking: Booking): Booked;
  changeStatus(id: string, change: { readonly status: string; readonly carrierMessage?: string | undefined }): StatusChanged;
  find(id: string): (Shipment & { readonly history: readonly HistoryEntry[] }) | undefined;
  /** The 100 latest bookings, newest first. */
  list(): readonly Shipment[];
  readonly outbox: Outbox;
  close(): void;
}

export interface ShipmentsOptions {
  /** The database's path, or `:memory:`. */
  readonly file: string;
  readonly lifecycle: Lifecycle;
  readonly now: () => Date;
  /** A new id's random part, of `A-Z a-z 0-9 _ -`, at most 50 characters. */
  readonly newId: () => string;
}

interface Row {
  readonly id: string;
  readonly status: string;
  readonly booking: string;
}

/**
 * The shipments and their history. Each change and its event are one transaction: no crash leaves a change that nobody is told of,
 * nor an event of a change that never was.
 */
export function openShipments({ file, lifecycle, now, newId }: ShipmentsOptions): Shipments {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS shipments (
      position  INTEGER PRIMARY KEY AUTOINCREMENT,
      id        TEXT NOT NULL UNIQUE,
      reference TEXT NOT NULL UNIQUE,
      status    TEXT NOT NULL,
      booking   TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS history (
      position        INTEGER PRIMARY KEY AUTOINCREMENT,
      shipment_id     TEXT NOT NULL REFERENCES shipments (id),
      event_id        TEXT NOT NULL UNIQUE,
      status          TEXT NOT NULL,
      at              TEXT NOT NULL,
      carrier_message TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS history_of_shipment ON history (shipment_id, position);
  `);
  const outbox = openOutbox(database);
  const insertShipment = database.prepare('INSERT INTO shipments (id, reference, status, booking) VALUES (?, ?, ?, ?)');
  const updateStatus = database.prepare('UPDATE shipments SET status = ? WHERE id = ?');
  const insertHistory = database.prepare('INSERT INTO history (shipment_id, event_id, status, at, carrier_message) VALUES (?, ?, ?, ?, ?)');
  const selectByReference = database.prepare('SELECT id FROM shipments WHERE reference = ?');
  const selectById = database.prepare('SELECT id, status, booking FROM shipments WHERE id = ?');
  const selectLatest = database.prepare('SELECT id, status, booking FROM shipments ORDER BY position DESC LIMIT 100');
  const selectHistory = database.prepare('SELECT status, at, carrier_message FROM history WHERE shipment_id = ? ORDER BY position');

  function record(shipment: Shipment, change: { readonly previousStatus?: string; readonly carrierMessage?: string | undefined }): void {
    const eventId = `shp-evt-${newId()}`;
    insertHistory.run(shipment.id, eventId, shipment.status, now().toISOString(), change.carrierMessage ?? null);
    outbox.add({
      id: eventId,
      type: eventTypeOf(shipment.status),
      orderingKey: shipment.id,
      data: JSON.stringify({
        shipment,
        previous_status: change.previousStatus,
        carrier_message: change.carrierMessage,
        history: historyOf(shipment.id),
      }),
    });
  }

  function eventTypeOf(status: string): string {
    if (status === lifecycle.first) return 'shipment.created';
    return status === 'cancelled' ? 'shipment.cancelled' : 'shipment.status_updated';
  }

  function historyOf(id: string): HistoryEntry[] {
    const rows = selectHistory.all(id) as unknown as { status: string; at: string; carrier_message: string | null }[];
    return rows.map(({ carrier_message, ...entry }) => (carrier_message === null ? entry : { ...entry, carrier_message }));
  }

  return {
    outbox,
    book: (booking) =>
      transaction(database, () => {
        const taken = selectByReference.get(booking.reference);
        if (taken !== undefined) return { kind: 'reference_taken', id: String(taken['id']) };
        const shipment: Shipment = { id: `shp_${newId()}`, status: lifecycle.first, ...booking };
        insertShipment.run(shipment.id, booking.reference, shipment.status, JSON.stringify(booking));
        record(shipment, {});
        return { kind: 'booked', shipment };
      }),
    changeStatus: (id, { status, carrierMessage }) =>
      transaction(database, () => {
        const row = selectById.get(id) as unknown as Row | undefined;
        if (row === undefined) return { kind: 'unknown_shipment' };
        const possible = lifecycle.possibleAfter(row.status);
        if (!possible.includes(status)) return { kind: 'not_possible', status: row.status, possible };
        updateStatus.run(status, id);
        const shipment = readShipment({ ...row, status });
        record(shipment, { previousStatus: row.status, carrierMessage });
        return { kind: 'changed', shipment };
      }),
    find: (id) => {
      const row = selectById.get(id) as unknown as Row | undefined;
      return row && { ...readShipment(row), history: historyOf(id) };
    },
    list: () => (selectLatest.all() as unknown as Row[]).map(readShipment),
    close: () => database.close(),
  };
}

function readShipment({ id, status, booking }: Row): Shipment {
  return { id, status, ...(parseExact(booking) as Booking) };
}
