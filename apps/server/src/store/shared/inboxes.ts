/** The receivers that are built in, and the last requests that each has had. */
import { type ApplicationId, type InboxId, type InboxRequestId, newId } from '@posthorn/core';
import { Conditions, pageOf, readCursor } from '../page.ts';
import { secretsAt } from '../secrets.ts';
import type { Inbox, InboxRequest, InboxStore } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { type EndpointRow, secretState } from './endpoints.ts';
import { all, get, now, type Recipe, run } from './recipe.ts';

interface InboxRow {
  readonly pk: number;
  readonly id: InboxId;
  readonly application_id: ApplicationId;
  readonly token: string;
  readonly created_at: number;
}

interface RequestRow {
  readonly pk: number;
  readonly id: InboxRequestId;
  readonly received_at: number;
  readonly method: string;
  readonly headers: string;
  readonly body: Uint8Array;
  readonly body_truncated: number;
  readonly event_id: string | null;
  readonly event_type: string | null;
  readonly x_signature: string;
  readonly standard: string;
}

const SELECT = `SELECT i.pk, i.id, a.id AS application_id, i.token, i.created_at FROM inboxes i JOIN applications a ON a.pk = i.application`;

export function inboxStore(context: SharedContext): InboxStore {
  function record(action: 'inbox.create' | 'inbox.delete', { id, application }: Inbox): Recipe<void> {
    return recordChange(context, { action, application, environment: 'sandbox', target: { kind: 'inbox', id } });
  }

  return {
    create({ application, token, most }) {
      return context.transaction(function* () {
        const tenant = yield* get<{ pk: number; inboxes: number }>(
          `SELECT pk, (SELECT count(*) FROM inboxes WHERE application = a.pk) AS inboxes FROM applications a WHERE id = ? AND deleted_at IS NULL`,
          application,
        );
        if (tenant === undefined) return null;
        if (tenant.inboxes >= most) return 'limit';
        const at = yield* now();
        const made: Inbox = { id: newId('inb_', at, context.randomBytes(10)), application, token, createdAt: at };
        yield* run('INSERT INTO inboxes (id, application, token, created_at) VALUES (?, ?, ?, ?)', made.id, tenant.pk, token, at);
        yield* record('inbox.create', made);
        return made;
      });
    },
    async get(id) {
      const row = await context.read(() => get<InboxRow>(`${SELECT} WHERE i.id = ?`, id));
      return row === undefined ? null : inbox(row);
    },
    async list({ application, limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions();
      if (application !== null) where.add('a.id = ?', application);
      if (after !== null) where.add('i.pk < ?', ...after);
      const condition = where.sql === '' ? '' : `WHERE ${where.sql}`;
      const rows = await context.read(() =>
        all<InboxRow>(`${SELECT} ${condition} ORDER BY i.pk DESC LIMIT ?`, ...where.parameters, limit + 1),
      );
      return pageOf(rows, { limit, read: inbox, cursor: (row) => [row.pk] });
    },
    delete(id) {
      return context.transaction(function* () {
        const row = yield* get<InboxRow>(`${SELECT} WHERE i.id = ?`, id);
        if (row === undefined) return false;
        yield* run('DELETE FROM inboxes WHERE pk = ?', row.pk);
        yield* record('inbox.delete', inbox(row));
        return true;
      });
    },
    byToken(token) {
      return context.read(function* () {
        const row = yield* get<InboxRow>(`${SELECT} WHERE i.token = ?`, token);
        if (row === undefined) return null;
        const at = yield* now();
        // What holds the token is another text without it.
        const endpoints = yield* all<Pick<EndpointRow, 'id' | 'secrets'>>(
          `SELECT e.id, e.secrets FROM endpoints e JOIN inboxes i ON i.application = e.application
           WHERE i.pk = ? AND e.environment = 'sandbox' AND e.deleted_at IS NULL AND replace(e.url, '/inbox/' || i.token, '') <> e.url`,
          row.pk,
        );
        return { inbox: inbox(row), secrets: endpoints.map((endpoint) => secretsAt(secretState(context, endpoint), at)) };
      });
    },
    keep(id, request, most) {
      return context.step(function* () {
        const row = yield* get<{ pk: number }>('SELECT pk FROM inboxes WHERE id = ?', id);
        if (row === undefined) return false;
        const requestId = newId('irq_', request.receivedAt, context.randomBytes(10));
        yield* run(
          `INSERT INTO inbox_requests (inbox, id, received_at, method, headers, body, body_truncated, event_id, event_type, x_signature, standard)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          row.pk,
          requestId,
          request.receivedAt,
          request.method,
          sealedHeaders(context, requestId, request.headers),
          request.body,
          request.bodyTruncated ? 1 : 0,
          request.eventId,
          request.eventType,
          request.xSignature,
          request.standard,
        );
        yield* run(
          `DELETE FROM inbox_requests WHERE inbox = ? AND pk <= (SELECT pk FROM inbox_requests WHERE inbox = ? ORDER BY pk DESC LIMIT 1 OFFSET ?)`,
          row.pk,
          row.pk,
          most,
        );
        return true;
      });
    },
    async requests(id, { limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('inbox = (SELECT pk FROM inboxes WHERE id = ?)', id);
      if (after !== null) where.add('pk < ?', ...after);
      const rows = await context.read(() =>
        all<RequestRow>(`SELECT * FROM inbox_requests WHERE ${where.sql} ORDER BY pk DESC LIMIT ?`, ...where.parameters, limit + 1),
      );
      return pageOf(rows, { limit, read: (row) => inboxRequest(context, row), cursor: (row) => [row.pk], bytes: (row) => row.body.length });
    },
  };
}

function inbox(row: InboxRow): Inbox {
  return { id: row.id, application: row.application_id, token: row.token, createdAt: row.created_at };
}

/**
 * Headers of a delivery are its endpoint's own, which are credentials, and those that sign. Sealed, they still are a JSON object: a version that does not
 * know of it shows one odd header.
 */
function sealedHeaders({ cipher }: SharedContext, id: InboxRequestId, headers: InboxRequest['headers']): string {
  return JSON.stringify({ sealed: Buffer.from(cipher.seal(JSON.stringify(headers), boundTo(id))).toString('base64') });
}

function openedHeaders({ cipher }: SharedContext, { id, headers }: RequestRow): Record<string, string> {
  const stored = JSON.parse(headers) as Record<string, string>;
  const { sealed, ...others } = stored;
  // Kept by a version that did not seal them; a request over HTTP has more than one.
  if (sealed === undefined || Object.keys(others).length > 0) return stored;
  return JSON.parse(cipher.open(Buffer.from(sealed, 'base64'), boundTo(id))) as Record<string, string>;
}

function boundTo(id: InboxRequestId): string {
  return `inbox_request:${id}:headers`;
}

function inboxRequest(context: SharedContext, row: RequestRow): InboxRequest {
  return {
    id: row.id,
    receivedAt: row.received_at,
    method: row.method,
    headers: openedHeaders(context, row),
    body: row.body,
    bodyTruncated: row.body_truncated === 1,
    eventId: row.event_id,
    eventType: row.event_type,
    xSignature: row.x_signature,
    standard: row.standard,
  };
}
