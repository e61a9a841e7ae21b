/** What sending to a lane's endpoint takes, read afresh with each lease and each change. */
import { secretsAt } from '../secrets.ts';
import { isBraked } from '../shared/brakes.ts';
import { type EndpointRow, endpointFromRow, SELECT_ENDPOINTS, secretState } from '../shared/endpoints.ts';
import type { LaneTarget } from '../store.ts';
import type { SqliteContext } from './context.ts';
import { runRecipe } from './recipes.ts';

/** Null once the endpoint is deleted. */
export function laneTarget(context: SqliteContext, lane: number): LaneTarget | null {
  const row = context.db.get<EndpointRow>(`${SELECT_ENDPOINTS} WHERE l.pk = ? AND e.deleted_at IS NULL`, lane);
  if (row === undefined) return null;
  return {
    endpoint: endpointFromRow(context, row),
    braked: runRecipe(context, isBraked(row.environment, row.application)),
    secrets: secretsAt(secretState(context, row), context.now()),
  };
}
