/** What sending to a lane's endpoint takes, read afresh with each lease and each change. */
import type { LaneTarget } from '../store.ts';
import { secretsAt, type SecretState } from '../secrets.ts';
import type { SqliteContext } from './context.ts';
import { endpointFromRow, type EndpointRow } from './endpoints.ts';

/** Null once the endpoint is deleted. */
export function laneTarget(context: SqliteContext, lane: number): LaneTarget | null {
  const row = context.db.get<EndpointRow & { secrets: Uint8Array }>(
    `SELECT e.*, a.id AS application_id FROM lanes l JOIN endpoints e ON e.pk = l.endpoint JOIN applications a ON a.pk = e.application
     WHERE l.pk = ? AND e.deleted_at IS NULL`,
    lane,
  );
  if (row === undefined) return null;
  const state = JSON.parse(context.cipher.open(row.secrets, `endpoint:${row.id}:secrets`)) as SecretState;
  return { endpoint: endpointFromRow(context, row), secrets: secretsAt(state, context.now()) };
}
