/** What sending to a lane's endpoint takes, read afresh with each lease and each change. */
import { secretsAt } from '../secrets.ts';
import type { LaneTarget } from '../store.ts';
import type { SqliteContext } from './context.ts';
import { type EndpointRow, endpointFromRow, SELECT_ENDPOINTS, secretState } from './endpoints.ts';

/** Null once the endpoint is deleted. */
export function laneTarget(context: SqliteContext, lane: number): LaneTarget | null {
  const row = context.db.get<EndpointRow>(`${SELECT_ENDPOINTS} WHERE l.pk = ? AND e.deleted_at IS NULL`, lane);
  if (row === undefined) return null;
  return { endpoint: endpointFromRow(context, row), secrets: secretsAt(secretState(context, row), context.now()) };
}
