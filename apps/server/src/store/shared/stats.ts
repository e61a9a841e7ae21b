/** Reading what was counted over time: the buckets, and on top of them what is not in its bucket yet. */
import { type ApplicationId, type EndpointId, type Latencies, ROLLUPS } from '@posthorn/core';
import { Conditions } from '../page.ts';
import type { StatsStore } from '../store.ts';
import { Buckets, bucketStart, SCOPES, slowestOwners } from './buckets.ts';
import type { SharedContext } from './context.ts';
import { all, get, type Recipe } from './recipe.ts';

/** How settles keep their counts is each engine's own. */
export interface UnfoldedRecipes {
  /** What is in no bucket yet. @param where of endpoints `e` and of the instant, `d.at` */
  unfolded(where: Conditions): Recipe<{ readonly at: number; readonly failed: number; readonly durations: readonly number[] }[]>;
}

const HOUR_MS = 3_600_000;

export function statsStore(context: SharedContext): StatsStore {
  return {
    rollups(environment, { application, endpoint, widthMs, since, until }) {
      // As one moment: what is moved into its bucket meanwhile would count twice, or not at all.
      return context.snapshot(function* () {
        const [scope, owner] = yield* scopeOf(application, endpoint);
        if (owner === null) return [];
        const buckets = new Buckets();
        const rows = yield* all<{ at: number; accepted: number; failed: number; latencies: string }>(
          `SELECT at, accepted, failed, latencies FROM rollups
           WHERE environment = ? AND scope = ? AND owner = ? AND width = ? AND at >= ? AND at < ? ORDER BY at`,
          environment,
          scope,
          owner,
          widthMs,
          since,
          until,
        );
        for (const row of rows) buckets.add(row.at, { ...row, latencies: JSON.parse(row.latencies) as Latencies });
        const where = new Conditions().add('d.at >= ? AND d.at < ? AND e.environment = ?', since, until, environment);
        if (scope === SCOPES.application) where.add('e.application = ?', owner);
        if (scope === SCOPES.endpoint) where.add('e.pk = ?', owner);
        for (const { at, failed, durations } of yield* context.counts.unfolded(where))
          buckets.count(bucketStart(at, widthMs), failed, durations);
        return buckets.sorted();
      });
    },
    lastAttemptAt(environment, application) {
      return context.read(function* () {
        const [scope, owner] = yield* scopeOf(application, null);
        for (const { widthMs } of ROLLUPS) {
          // One seek: the last row of a stretch of the primary key.
          const newest = yield* get<{ at: number }>(
            'SELECT at FROM rollups WHERE environment = ? AND scope = ? AND owner = ? AND width = ? ORDER BY at DESC LIMIT 1',
            environment,
            scope,
            owner,
            widthMs,
          );
          if (newest !== undefined) return newest.at;
        }
        return null;
      });
    },
    slowest(environment, { since, limit }) {
      return context.read(function* () {
        // By the index of age: an hour has a row for each endpoint that was sent to, and there are two of them at most. Nothing is added to what the primary
        // key begins with, so that it is not read instead, which would be all hours that are kept.
        const rows = yield* all<{ owner: number; latencies: string }>(
          `SELECT owner, latencies FROM rollups WHERE width = ? AND at >= ? AND environment || '' = ? AND scope + 0 = ${SCOPES.endpoint}`,
          HOUR_MS,
          bucketStart(since, HOUR_MS),
          environment,
        );
        const slowest = [];
        for (const { owner, p95 } of slowestOwners(rows, limit)) {
          const found = yield* get<{ endpoint: EndpointId; url: string; application: ApplicationId }>(
            `SELECT e.id AS endpoint, e.url, a.id AS application FROM endpoints e JOIN applications a ON a.pk = e.application
             WHERE e.pk = ? AND e.deleted_at IS NULL`,
            owner,
          );
          if (found !== undefined) slowest.push({ ...found, p95 });
        }
        return slowest;
      });
    },
  };
}

function* scopeOf(application: string | null, endpoint: string | null): Recipe<[number, number | null]> {
  if (endpoint !== null) return [SCOPES.endpoint, yield* pkOf('SELECT pk FROM endpoints WHERE id = ?', endpoint)];
  if (application === null) return [SCOPES.environment, 0];
  return [SCOPES.application, yield* pkOf('SELECT pk FROM applications WHERE id = ?', application)];
}

function* pkOf(sql: string, id: string): Recipe<number | null> {
  return (yield* get<{ pk: number }>(sql, id))?.pk ?? null;
}
