/** A backlog of millions, written by SQL as publishing would have written it, within minutes. */
import { randomBytes } from 'node:crypto';
import { newId } from '@posthorn/core';
import type { PostgresServer } from '../../apps/server/test/postgres/server.ts';
import { ENDPOINTS, payload } from './drain-server.ts';

const PER_STATEMENT = 100_000;
const TIME_LENGTH = 10;

interface Portion {
  readonly count: number;
  /** Epoch milliseconds: their publish. */
  readonly at: number;
  /** The start of their ids, which carries that time. */
  readonly ids: string;
  /** What stands before and behind the number in `data`. */
  readonly data: readonly [string, string];
}

const fill = ({ count, at, ids, data }: Portion): string => `WITH made AS MATERIALIZED (
    SELECT nextval('posthorn.event_seq') AS event, nextval('posthorn.delivery_seq') AS delivery, n, lanes.application, lanes.pk AS lane, lanes.endpoint,
      lpad(n::text, 16, '0') AS suffix, 'shp_' || n % 4999 AS ordering_key, 'bench.e' || n % ${ENDPOINTS} AS type
    FROM generate_series(1, ${count}) n
    JOIN (SELECT pk, application, endpoint, row_number() OVER (ORDER BY pk) - 1 AS place FROM posthorn.lanes) lanes ON lanes.place = n % ${ENDPOINTS}
    ORDER BY n
  ), heads AS MATERIALIZED (
    SELECT *, format('{"id":"%s%s","type":"%s","timestamp":"%s","environment":"sandbox","data":', 'evt_${ids}', suffix, type,
      to_char(to_timestamp(${at} / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) AS head
    FROM made
  ), events AS (
    INSERT INTO posthorn.events (seq, published_at, application, environment, deliveries, data_start, dispatch_at, id, type, ordering_key, body)
    SELECT event, ${at}, application, 'sandbox', 1, length(head), ${at}, 'evt_${ids}' || suffix, type, ordering_key, convert_to(head || $x$${data[0]}$x$ || n || $x$${data[1]}$x$ || '}', 'UTF8')
    FROM heads
  ), deliveries AS (
    INSERT INTO posthorn.deliveries (seq, published_at, event, application, endpoint, lane, environment, id)
    SELECT delivery, ${at}, event, application, endpoint, lane, 'sandbox', 'dlv_${ids}' || suffix FROM heads
  )
  INSERT INTO posthorn.pending (seq, event, published_at, lane, application, environment, id, ordering_key)
  SELECT delivery, event, ${at}, lane, application, 'sandbox', 'dlv_${ids}' || suffix, ordering_key FROM heads`;

/**
 * Fills up until so many wait, all behind the gate, while no server runs. What it wrote is on disk and vacuumed afterwards: none of that is left for the
 * time of a measurement.
 */
export async function fillUp(postgres: PostgresServer, database: string, waiting: number): Promise<void> {
  const run = <T extends object>(sql: string): Promise<T[]> => postgres.query<T>(sql, database);
  const [have] = await run<{ n: string }>('SELECT count(*) AS n FROM posthorn.pending');
  const [before = '', after = ''] = JSON.stringify(payload(0)).split('ORD-2026-0');
  for (let missing = waiting - Number(have?.n); missing > 0; missing -= PER_STATEMENT) {
    const at = Date.now();
    const ids = newId('evt_', at, randomBytes(10)).slice('evt_'.length, 'evt_'.length + TIME_LENGTH);
    await run(fill({ count: Math.min(missing, PER_STATEMENT), at, ids, data: [`${before}ORD-2026-`, after] }));
  }
  await run('UPDATE posthorn.lanes SET first_at = (SELECT min(published_at) FROM posthorn.pending WHERE lane = lanes.pk)');
  await run('VACUUM (ANALYZE) posthorn.pending, posthorn.events, posthorn.deliveries, posthorn.attempts, posthorn.lanes');
  await run('CHECKPOINT');
}

/** The sandbox ticks once a day, next at that instant (epoch milliseconds, a whole second). */
export async function tickAt(postgres: PostgresServer, database: string, at: number): Promise<void> {
  const [hours, minutes, seconds] = new Date(at).toISOString().slice(11, 19).split(':').map(Number);
  await postgres.query(
    `UPDATE posthorn.environments SET cadence = 'cron ${seconds} ${minutes} ${hours} * * *' WHERE name = 'sandbox'`,
    database,
  );
}
