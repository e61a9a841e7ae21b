/**
 * Jobs: recovering deliveries and making those that are missing, any number of them, in steps.
 *
 * A step walks on from the job's cursor in publish order, looks at so many rows, and moves the cursor, all in one transaction. A job walks its span
 * twice: first it only counts (`queued`), then it acts (`running`). What it has acted upon it does not find again: a recovered delivery has left the
 * index of those that failed, and comes back to it only with the job's own number or a later one; an event whose delivery was made has one.
 */
import {
  type ApplicationId,
  type EndpointId,
  type JobId,
  type JobKind,
  type JobState,
  matchesEventTypes,
  newId,
  type RecoverableStatus,
} from '@posthorn/core';
import { jobChanges } from '../audit.ts';
import { type Environment, type FieldChanges, type Job, type JobRequest, type JobStore, MOST_JOBS } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SqliteContext } from './context.ts';
import { Conditions, pageOf, readCursor } from './page.ts';

interface JobRow {
  readonly pk: number;
  readonly id: JobId;
  readonly kind: JobKind;
  readonly environment: Environment;
  readonly application: number;
  readonly application_id: ApplicationId;
  readonly endpoint: number;
  readonly endpoint_id: EndpointId;
  readonly endpoint_deleted: number;
  readonly event_types: string;
  readonly since: number;
  readonly until: number;
  readonly status: RecoverableStatus | null;
  readonly state: JobState;
  readonly done: number;
  readonly total: number;
  readonly cursor_at: number;
  readonly cursor_seq: number;
  readonly created_at: number;
  readonly ended_at: number | null;
}

/** Rows that one look saw, in publish order, and whether the job has to do something about each. */
interface Candidate {
  readonly seq: number;
  readonly published_at: number;
  readonly ordering_key: string | null;
  readonly wanted: boolean;
}

const SELECT = `SELECT j.*, a.id AS application_id, e.id AS endpoint_id, e.event_types, e.deleted_at IS NOT NULL AS endpoint_deleted
  FROM jobs j JOIN endpoints e ON e.pk = j.endpoint JOIN applications a ON a.pk = j.application`;
/** Looked at before the answer to whoever makes the job: a few milliseconds. */
const FIRST_LOOK = 1_000;
/** The number of the newest job, for a delivery that ends. */
export const NEWEST_JOB = 'coalesce((SELECT max(pk) FROM jobs), 0)';

export function sqliteJobs(context: SqliteContext): JobStore {
  const { db } = context;

  const find = (environment: Environment, id: string): JobRow | undefined =>
    db.get<JobRow>(`${SELECT} WHERE j.id = ? AND j.environment = ?`, id, environment);
  const record = (action: 'job.create' | 'job.cancel', { id, application, environment }: Job, changes: FieldChanges = {}): void =>
    recordChange(context, { action, application, environment, target: { kind: 'job', id }, changes });
  const byPk = (pk: number): Job => job(db.get<JobRow>(`${SELECT} WHERE j.pk = ?`, pk) as JobRow);

  return {
    async create(environment, request) {
      const created = db.transaction(() => {
        const endpoint = db.get<{ pk: number; application: number }>(
          'SELECT pk, application FROM endpoints WHERE id = ? AND environment = ? AND deleted_at IS NULL',
          request.endpoint,
          environment,
        );
        if (endpoint === undefined) return null;
        const { count } = db.get<{ count: number }>(
          'SELECT count(*) AS count FROM jobs WHERE endpoint = ? AND ended_at IS NULL',
          endpoint.pk,
        ) as { count: number };
        if (count >= MOST_JOBS) return 'too_many' as const;
        const pk = insert(context, environment, { ...request, ...endpoint });
        step(context, db.get<JobRow>(`${SELECT} WHERE j.pk = ?`, pk) as JobRow, FIRST_LOOK);
        const made = byPk(pk);
        record('job.create', made, jobChanges(request));
        return made;
      });
      if (created !== null && created !== 'too_many') context.hint({ kind: 'job' });
      return created;
    },
    async get(environment, id) {
      const row = find(environment, id);
      return row === undefined ? null : job(row);
    },
    async list(environment, { application, endpoint, limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('j.environment = ?', environment);
      if (endpoint !== null) where.add('j.endpoint = (SELECT pk FROM endpoints WHERE id = ?)', endpoint);
      if (application !== null) where.add('j.application = (SELECT pk FROM applications WHERE id = ?)', application);
      if (after !== null) where.add('j.pk < ?', ...after);
      const rows = db.all<JobRow>(`${SELECT} WHERE ${where.sql} ORDER BY j.pk DESC LIMIT ?`, ...where.parameters, limit + 1);
      return pageOf(rows, { limit, read: job, cursor: (row) => [row.pk] });
    },
    async cancel(environment, id) {
      return db.transaction(() => {
        const row = find(environment, id);
        if (row === undefined) return null;
        if (row.ended_at !== null) return 'ended';
        end(context, row.pk, 'canceled');
        record('job.cancel', job(row));
        return byPk(row.pk);
      });
    },
    async unfinished() {
      return db.all<JobRow>(`${SELECT} WHERE j.ended_at IS NULL ORDER BY j.pk`).map(job);
    },
    async step(id, limit) {
      // One that a power loss undoes is done again; what was sent meanwhile has been settled, and so kept it.
      const stepped = db.relaxedTransaction(() => {
        const row = db.get<JobRow>(`${SELECT} WHERE j.id = ?`, id);
        if (row === undefined || row.ended_at !== null) return null;
        const acted = step(context, row, limit);
        return { acted, job: byPk(row.pk) };
      });
      if (stepped?.acted === true) context.hint({ kind: 'work' });
      return stepped?.job ?? null;
    },
  };
}

function insert(
  { db, now: clock, randomBytes }: SqliteContext,
  environment: Environment,
  { since, until, task, pk, application }: Omit<JobRequest, 'endpoint'> & { readonly pk: number; readonly application: number },
): number {
  const now = clock();
  const { pk: job } = db.get<{ pk: number }>(
    `INSERT INTO jobs (id, kind, environment, application, endpoint, since, until, status, state, cursor_at, cursor_seq, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, 0, ?) RETURNING pk`,
    newId('job_', now, randomBytes(10)),
    task.kind,
    environment,
    application,
    pk,
    since,
    until,
    task.kind === 'recover' ? task.status : null,
    since,
    now,
  ) as { pk: number };
  return job;
}

/** @returns whether a delivery became due */
function step(context: SqliteContext, row: JobRow, limit: number): boolean {
  const { db } = context;
  if (row.endpoint_deleted === 1) {
    end(context, row.pk, 'canceled');
    return false;
  }
  const seen = row.status === null ? lookAtEvents(context, row, limit) : lookAtDeliveries(context, { ...row, status: row.status }, limit);
  const wanted = seen.filter((candidate) => candidate.wanted);
  const last = seen.at(-1);
  const acts = row.state === 'running' && wanted.length > 0;
  if (acts) act(context, row, wanted);
  if (last !== undefined) db.run('UPDATE jobs SET cursor_at = ?, cursor_seq = ? WHERE pk = ?', last.published_at, last.seq, row.pk);
  db.run(`UPDATE jobs SET ${row.state === 'running' ? 'done = done' : 'total = total'} + ? WHERE pk = ?`, wanted.length, row.pk);
  if (seen.length < limit) finishWalk(context, row, { counted: row.total + wanted.length });
  return acts;
}

/** The span is walked to its end: having counted, the job begins to act; having acted, it is done. */
function finishWalk(context: SqliteContext, row: JobRow, { counted }: { readonly counted: number }): void {
  if (row.state === 'running' || counted === 0) end(context, row.pk, 'done');
  else context.db.run(`UPDATE jobs SET state = 'running', cursor_at = since, cursor_seq = 0 WHERE pk = ?`, row.pk);
}

/** What others did meanwhile is no longer to be done: a job that is done has done all there was. */
function end({ db, now }: SqliteContext, pk: number, state: 'done' | 'canceled'): void {
  db.run(`UPDATE jobs SET state = ?, ended_at = ?${state === 'done' ? ', total = done' : ''} WHERE pk = ?`, state, now(), pk);
}

function lookAtDeliveries({ db }: SqliteContext, row: JobRow & { readonly status: RecoverableStatus }, limit: number): Candidate[] {
  return db
    .all<{ seq: number; published_at: number; ended_after_job: number }>(
      `SELECT seq, published_at, ended_after_job FROM deliveries INDEXED BY deliveries_${row.status}
       WHERE endpoint = ? AND status = '${row.status}' AND (published_at, seq) > (?, ?) AND published_at < ?
       ORDER BY published_at, seq LIMIT ?`,
      row.endpoint,
      row.cursor_at,
      row.cursor_seq,
      row.until,
      limit,
    )
    .map((found) => ({ ...found, ordering_key: null, wanted: found.ended_after_job < row.pk }));
}

function lookAtEvents({ db }: SqliteContext, row: JobRow, limit: number): Candidate[] {
  const eventTypes = JSON.parse(row.event_types) as string[];
  return db
    .all<{ seq: number; published_at: number; type: string; ordering_key: string | null; missing: number }>(
      `SELECT v.seq, v.published_at, v.type, v.ordering_key,
         NOT EXISTS (SELECT 1 FROM deliveries d INDEXED BY deliveries_of_event WHERE d.event = v.seq AND d.endpoint = ?) AS missing
       FROM events v INDEXED BY events_of_application
       WHERE v.application = ? AND v.environment = ? AND (v.published_at, v.seq) > (?, ?) AND v.published_at < ?
       ORDER BY v.published_at, v.seq LIMIT ?`,
      row.endpoint,
      row.application,
      row.environment,
      row.cursor_at,
      row.cursor_seq,
      row.until,
      limit,
    )
    .map(({ type, missing, ...found }) => ({ ...found, wanted: missing === 1 && matchesEventTypes(eventTypes, type) }));
}

/** Makes the candidates pending and due, late, and wakes their lane. */
function act(context: SqliteContext, row: JobRow, wanted: readonly Candidate[]): void {
  const { db } = context;
  const now = context.now();
  if (row.kind === 'recover') {
    db.run(
      `UPDATE deliveries SET status = 'pending', reason = NULL, failures = 0, due_at = ?, by_hand = 0, late = 1, revived_at = ?
       WHERE seq IN (SELECT value FROM json_each(?))`,
      now,
      now,
      JSON.stringify(wanted.map(({ seq }) => seq)),
    );
  } else {
    for (const event of wanted) makeDelivery(context, row, event);
  }
  db.run('UPDATE lanes SET due_at = min(coalesce(due_at, ?1), ?1) WHERE pk = ?2', now, row.endpoint);
}

function makeDelivery({ db, now: clock, randomBytes }: SqliteContext, row: JobRow, event: Candidate): void {
  const now = clock();
  db.run(
    `INSERT INTO deliveries
       (id, event, lane, endpoint, application, environment, ordering_key, status, published_at, due_at, late, revived_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, 1, ?)`,
    // An id carries the event's time.
    newId('dlv_', event.published_at, randomBytes(10)),
    event.seq,
    row.endpoint,
    row.endpoint,
    row.application,
    row.environment,
    event.ordering_key,
    event.published_at,
    now,
    now,
  );
}

function job(row: JobRow): Job {
  return {
    id: row.id,
    environment: row.environment,
    application: row.application_id,
    endpoint: row.endpoint_id,
    since: row.since,
    until: row.until,
    task: row.status === null ? { kind: 'replay_missing' } : { kind: 'recover', status: row.status },
    state: row.state,
    done: row.done,
    total: row.total,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}
