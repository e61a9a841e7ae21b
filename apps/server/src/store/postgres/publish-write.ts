/**
 * Writing a group of publishes: one transaction, one round trip.
 *
 *   the keys that must be unique first: whoever loses that race waits here, before it holds a lane
 *   the lanes FOR KEY SHARE, in the order of their keys: nobody clears their marks until this commits
 *   events, deliveries and the queues, in one statement
 *   the lanes' marks, in a later statement, which in READ COMMITTED sees them as they are now; only where there is none that is as early
 *
 * The mark is seldom missing on a busy lane, so publishers seldom write its row and never wait for each other. With a write in every publish one lane took
 * a tenth as many (docs/decisions/0015-postgres-lanes.md).
 */
import { bools, byteas, int4s, int8s, texts } from './arrays.ts';
import type { Statement } from './connection.ts';
import type { NewEvent, PublishPlan } from './publish-plan.ts';

/** How long an Idempotency-Key is remembered (CONTRACT §3). */
const IDEMPOTENCY_MS = 24 * 3_600_000;

/** Of the keys that are to be taken, those that are over; and a few others, so that the table stays small by itself. */
const FORGET_KEYS = `DELETE FROM posthorn.idempotency_keys WHERE (scope, key) IN (
    SELECT scope, key FROM posthorn.idempotency_keys
    WHERE expires_at <= $1 AND (scope, key) IN (SELECT * FROM unnest($2::text[], $3::text[])) FOR UPDATE)`;
const FORGET_OTHERS = `DELETE FROM posthorn.idempotency_keys WHERE (scope, key) IN (
    SELECT scope, key FROM posthorn.idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT 50 FOR UPDATE SKIP LOCKED)`;
const TAKE_KEYS = `INSERT INTO posthorn.idempotency_keys (scope, key, fingerprint, result, expires_at)
  SELECT scope, key, fingerprint, result, $1 FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS k (scope, key, fingerprint, result)
  ORDER BY scope, key`;

const HOLD_LANES = 'SELECT FROM posthorn.lanes WHERE pk = ANY ($1::integer[]) ORDER BY pk FOR KEY SHARE';

/**
 * $1 the instant; $2 to $11 the events; $12 to $18 the deliveries, which name their event by its place and bring along what they share with it: joining the two
 * here took longer than writing them. Numbers are drawn in the order of the arrays. A lane whose endpoint was deleted since it was looked up gets its
 * delivery canceled.
 */
const WRITE = `WITH new_events AS MATERIALIZED (
    SELECT nextval('posthorn.event_seq') AS seq, i.id, i.application, i.environment::posthorn.environment AS environment, i.type, i.ordering_key, i.deliveries,
      i.dispatch_at, i.data_start, i.body, i.brought
    FROM unnest($2::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::bigint[], $9::integer[], $10::bytea[], $11::boolean[])
      AS i (id, application, environment, type, ordering_key, deliveries, dispatch_at, data_start, body, brought)
  ), ids AS (
    INSERT INTO posthorn.event_ids (id, application, environment, published_at, seq)
    SELECT id, application, environment, $1, seq FROM new_events WHERE brought ORDER BY id, application, environment
  ), events AS (
    INSERT INTO posthorn.events (seq, published_at, application, environment, deliveries, data_start, dispatch_at, id, type, ordering_key, body)
    SELECT seq, $1, application, environment, deliveries, data_start, dispatch_at, id, type, ordering_key, body FROM new_events
  ), new_deliveries AS MATERIALIZED (
    SELECT nextval('posthorn.delivery_seq') AS seq, d.id, d.lane, d.endpoint, (ARRAY(SELECT seq FROM new_events))[d.event] AS event, d.application,
      d.environment::posthorn.environment AS environment, d.ordering_key,
      d.lane = ANY (ARRAY(SELECT l.pk FROM posthorn.lanes l WHERE l.pk = ANY ($14::integer[]) AND l.deleted = 1)) AS dropped
    FROM unnest($12::integer[], $13::text[], $14::integer[], $15::integer[], $16::integer[], $17::text[], $18::text[])
      AS d (event, id, lane, endpoint, application, environment, ordering_key)
  ), deliveries AS (
    INSERT INTO posthorn.deliveries (seq, published_at, event, application, endpoint, lane, environment, id, problem, reason)
    SELECT seq, $1, event, application, endpoint, lane, environment, id, CASE WHEN dropped THEN 'canceled' END,
      CASE WHEN dropped THEN 'endpoint_deleted' END
    FROM new_deliveries
  )
  INSERT INTO posthorn.pending (seq, event, published_at, lane, application, environment, id, ordering_key)
  SELECT seq, event, $1, lane, application, environment, id, ordering_key FROM new_deliveries WHERE NOT dropped`;

/** $1 the instant, $2 the lanes. */
const WAKE = `UPDATE posthorn.lanes SET first_at = $1 WHERE pk IN (
    SELECT pk FROM posthorn.lanes WHERE pk = ANY ($2::integer[]) AND deleted = 0 AND (first_at IS NULL OR first_at > $1) ORDER BY pk FOR NO KEY UPDATE)`;

export function writeStatements({ now, events, deliveries, keys }: PublishPlan): Statement[] {
  const statements: Statement[] = [];
  if (keys.length > 0) {
    const names = [texts(keys.map(({ scope }) => scope)), texts(keys.map(({ key }) => key))];
    const results = [texts(keys.map(({ fingerprint }) => fingerprint)), texts(keys.map((key) => JSON.stringify(key.events)))];
    statements.push(
      { sql: FORGET_KEYS, values: [now, ...names] },
      { sql: TAKE_KEYS, values: [now + IDEMPOTENCY_MS, ...names, ...results] },
    );
  }
  if (events.length === 0) return statements;
  const ofEvent = deliveries.map(({ event }) => events[event] as NewEvent);
  const lanes = int4s([...new Set(deliveries.map(({ lane }) => lane))]);
  if (deliveries.length > 0) statements.push({ sql: HOLD_LANES, values: [lanes] });
  statements.push({
    sql: WRITE,
    values: [
      now,
      texts(events.map(({ published }) => published.id)),
      int4s(events.map(({ application }) => application)),
      texts(events.map(({ published }) => published.environment)),
      texts(events.map(({ published }) => published.type)),
      texts(events.map(({ orderingKey }) => orderingKey)),
      int4s(events.map(({ published }) => published.deliveries)),
      int8s(events.map(({ published }) => published.dispatchAt)),
      int4s(events.map(({ dataStart }) => dataStart)),
      byteas(events.map(({ body }) => body)),
      bools(events.map(({ brought }) => brought)),
      int4s(deliveries.map(({ event }) => event + 1)),
      texts(deliveries.map(({ id }) => id)),
      int4s(deliveries.map(({ lane }) => lane)),
      int4s(deliveries.map(({ endpoint }) => endpoint)),
      int4s(ofEvent.map(({ application }) => application)),
      texts(ofEvent.map(({ published }) => published.environment)),
      texts(ofEvent.map(({ orderingKey }) => orderingKey)),
    ],
  });
  if (deliveries.length > 0) statements.push({ sql: WAKE, values: [now, lanes] });
  if (keys.length > 0) statements.push({ sql: FORGET_OTHERS, values: [now] });
  return statements;
}
