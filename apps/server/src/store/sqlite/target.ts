/** What sending to a lane's endpoint takes, read afresh with each lease and each change. */
import { secretsAt } from '../secrets.ts';
import type { LaneTarget } from '../store.ts';
import type { SqliteContext } from './context.ts';
import { type EndpointRow, endpointFromRow, secretState } from './endpoints.ts';

/** Null once the endpoint is deleted. */
export function laneTarget(context: SqliteContext, lane: number): LaneTarget | null {
  const row = context.db.get<EndpointRow>(
    `SELECT e.*, a.id AS application_id
     FROM lanes l JOIN endpoints e ON e.pk = l.endpoint JOIN applications a ON a.pk = e.application
     WHERE l.pk = ? AND e.deleted_at IS NULL`,
    lane,
  );
  if (row === undefined) return null;
  return { endpoint: endpointFromRow(context, row), secrets: secretsAt(secretState(context, row), context.now()) };
}
