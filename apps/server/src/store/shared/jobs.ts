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
import { Conditions, pageOf, readCursor } from '../page.ts';
import { type Environment, type FieldChanges, type Job, type JobRequest, type JobStore, MOST_JOBS } from '../store.ts';
import { recordChange } from './audit.ts';
import type { SharedContext } from './context.ts';
import { all, get, now, type Recipe, run } from './recipe.ts';

export interface JobRow {
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

/** A delivery or an event that a step saw. */
export interface SeenRow {
  readonly seq: number;
  readonly published_at: number;
}

/** Jobs touch what waits, which belongs to the hot half of the store, and each engine has that for itself. */
export interface JobRecipes {
  /** Nobody else steps the job until the end of the transaction. @returns false: somebody does */
  take(pk: number): Recipe<boolean>;
  /** Deliveries of that status after the cursor and before `until`, in publish order. `ended_after_job`: of the end that is in force. */
  deliveries(row: JobRow, status: RecoverableStatus, limit: number): Recipe<(SeenRow & { readonly ended_after_job: number })[]>;
  /** Events of the job's application in the same way. `missing` is 1 where the endpoint has no delivery of it. */
  events(row: JobRow, limit: number): Recipe<(SeenRow & { readonly type: string; readonly missing: number })[]>;
  /** Makes deliveries pending again: late, and due `at` once. @returns how many */
  recover(row: JobRow, deliveries: readonly SeenRow[], at: number): Recipe<number>;
  /** Makes a delivery of each of these events: late, and due `at` once. @returns how many */
  make(row: JobRow, events: readonly SeenRow[], at: number): Recipe<number>;
}

interface Candidate extends SeenRow {
  /** Whether the job has to do something about it. */
  readonly wanted: boolean;
}

const SELECT = `SELECT j.*, a.id AS application_id, e.id AS endpoint_id, e.event_types, CASE WHEN e.deleted_at IS NULL THEN 0 ELSE 1 END AS endpoint_deleted
  FROM jobs j JOIN endpoints e ON e.pk = j.endpoint JOIN applications a ON a.pk = j.application`;
/** Looked at before the answer to whoever makes the job: a few milliseconds. */
const FIRST_LOOK = 1_000;
/** The number of the newest job, for a delivery that ends. */
export const NEWEST_JOB = 'coalesce((SELECT max(pk) FROM jobs), 0)';

export function jobStore(context: SharedContext): JobStore {
  const find = (environment: Environment, id: string): Recipe<JobRow | undefined> =>
    get<JobRow>(`${SELECT} WHERE j.id = ? AND j.environment = ?`, id, environment);
  const record = (action: 'job.create' | 'job.cancel', { id, application, environment }: Job, changes: FieldChanges = {}): Recipe<void> =>
    recordChange(context, { action, application, environment, target: { kind: 'job', id }, changes });
  function* byPk(pk: number): Recipe<JobRow> {
    return (yield* get<JobRow>(`${SELECT} WHERE j.pk = ?`, pk)) as JobRow;
  }

  return {
    async create(environment, request) {
      const created = await context.transaction(function* () {
        const endpoint = yield* get<{ pk: number; application: number }>(
          'SELECT pk, application FROM endpoints WHERE id = ? AND environment = ? AND deleted_at IS NULL',
          request.endpoint,
          environment,
        );
        if (endpoint === undefined) return null;
        const unfinished = yield* all('SELECT pk FROM jobs WHERE endpoint = ? AND ended_at IS NULL LIMIT ?', endpoint.pk, MOST_JOBS);
        if (unfinished.length >= MOST_JOBS) return 'too_many' as const;
        const pk = yield* insert(context, environment, { ...request, ...endpoint });
        yield* step(context, yield* byPk(pk), FIRST_LOOK);
        const made = job(yield* byPk(pk));
        yield* record('job.create', made, jobChanges(request));
        return made;
      });
      if (created !== null && created !== 'too_many') context.hint({ kind: 'job' });
      return created;
    },
    async get(environment, id) {
      const row = await context.read(() => find(environment, id));
      return row === undefined ? null : job(row);
    },
    async list(environment, { application, endpoint, limit, cursor }) {
      const after = readCursor(cursor, 1);
      const where = new Conditions().add('j.environment = ?', environment);
      if (endpoint !== null) where.add('j.endpoint = (SELECT pk FROM endpoints WHERE id = ?)', endpoint);
      if (application !== null) where.add('j.application = (SELECT pk FROM applications WHERE id = ?)', application);
      if (after !== null) where.add('j.pk < ?', ...after);
      const rows = await context.read(() =>
        all<JobRow>(`${SELECT} WHERE ${where.sql} ORDER BY j.pk DESC LIMIT ?`, ...where.parameters, limit + 1),
      );
      return pageOf(rows, { limit, read: job, cursor: (row) => [row.pk] });
    },
    cancel(environment, id) {
      return context.transaction(function* () {
        const row = yield* find(environment, id);
        if (row === undefined) return null;
        if (!(yield* end(row.pk, 'canceled'))) return 'ended';
        yield* record('job.cancel', job(row));
        return job(yield* byPk(row.pk));
      });
    },
    async unfinished() {
      return (await context.read(() => all<JobRow>(`${SELECT} WHERE j.ended_at IS NULL ORDER BY j.pk`))).map(job);
    },
    async step(id, limit) {
      // One that a power loss undoes is done again; what was sent meanwhile has been settled, and so kept it.
      const stepped = await context.step(function* () {
        const found = yield* get<{ pk: number }>('SELECT pk FROM jobs WHERE id = ?', id);
        if (found === undefined || !(yield* context.jobs.take(found.pk))) return null;
        const row = yield* byPk(found.pk);
        if (row.ended_at !== null) return null;
        const acted = yield* step(context, row, limit);
        return { acted, job: job(yield* byPk(row.pk)) };
      });
      if (stepped?.acted === true) context.hint({ kind: 'work' });
      return stepped?.job ?? null;
    },
  };
}

function* insert(
  { randomBytes }: SharedContext,
  environment: Environment,
  { since, until, task, pk, application }: Omit<JobRequest, 'endpoint'> & { readonly pk: number; readonly application: number },
): Recipe<number> {
  const at = yield* now();
  const made = yield* get<{ pk: number }>(
    `INSERT INTO jobs (id, kind, environment, application, endpoint, since, until, status, state, cursor_at, cursor_seq, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, 0, ?) RETURNING pk`,
    newId('job_', at, randomBytes(10)),
    task.kind,
    environment,
    application,
    pk,
    since,
    until,
    task.kind === 'recover' ? task.status : null,
    since,
    at,
  );
  return (made as { pk: number }).pk;
}

/** @returns whether a delivery became due */
function* step(context: SharedContext, row: JobRow, limit: number): Recipe<boolean> {
  if (row.endpoint_deleted === 1) {
    yield* end(row.pk, 'canceled');
    return false;
  }
  const seen =
    row.status === null
      ? yield* lookAtEvents(context, row, limit)
      : yield* lookAtDeliveries(context, { ...row, status: row.status }, limit);
  const wanted = seen.filter((candidate) => candidate.wanted);
  const last = seen.at(-1);
  const acts = row.state === 'running' && wanted.length > 0;
  const count = acts ? yield* act(context, row, wanted) : wanted.length;
  if (last !== undefined) yield* run('UPDATE jobs SET cursor_at = ?, cursor_seq = ? WHERE pk = ?', last.published_at, last.seq, row.pk);
  yield* run(`UPDATE jobs SET ${row.state === 'running' ? 'done = done' : 'total = total'} + ? WHERE pk = ?`, count, row.pk);
  if (seen.length < limit) yield* finishWalk(row, { counted: row.total + count });
  return acts;
}

/** The span is walked to its end: having counted, the job begins to act; having acted, it is done. */
function* finishWalk(row: JobRow, { counted }: { readonly counted: number }): Recipe<void> {
  if (row.state === 'running' || counted === 0) yield* end(row.pk, 'done');
  else yield* run(`UPDATE jobs SET state = 'running', cursor_at = since, cursor_seq = 0 WHERE pk = ?`, row.pk);
}

/** What others did meanwhile is no longer to be done: a job that is done has done all there was. @returns false: it had ended already */
function* end(pk: number, state: 'done' | 'canceled'): Recipe<boolean> {
  const total = state === 'done' ? ', total = done' : '';
  return (yield* run(`UPDATE jobs SET state = ?, ended_at = ?${total} WHERE pk = ? AND ended_at IS NULL`, state, yield* now(), pk)) === 1;
}

function* lookAtDeliveries(
  { jobs }: SharedContext,
  row: JobRow & { readonly status: RecoverableStatus },
  limit: number,
): Recipe<Candidate[]> {
  const found = yield* jobs.deliveries(row, row.status, limit);
  return found.map(({ ended_after_job, ...seen }) => ({ ...seen, wanted: ended_after_job < row.pk }));
}

function* lookAtEvents({ jobs }: SharedContext, row: JobRow, limit: number): Recipe<Candidate[]> {
  const eventTypes = JSON.parse(row.event_types) as string[];
  const found = yield* jobs.events(row, limit);
  return found.map(({ type, missing, ...seen }) => ({ ...seen, wanted: missing === 1 && matchesEventTypes(eventTypes, type) }));
}

/** Makes the candidates pending and due, late, and wakes their lane. @returns how many there were to do still */
function* act(context: SharedContext, row: JobRow, wanted: readonly Candidate[]): Recipe<number> {
  const at = yield* now();
  yield* context.lanes.lock({ endpoint: row.endpoint });
  const count = row.kind === 'recover' ? yield* context.jobs.recover(row, wanted, at) : yield* context.jobs.make(row, wanted, at);
  yield* run('UPDATE lanes SET due_at = ? WHERE pk = ? AND (due_at IS NULL OR due_at > ?)', at, row.endpoint, at);
  return count;
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
