import { IdParams, JobPageSchema, JobQuerySchema, JobSchema, type JobView, RecoverSchema, ReplayMissingSchema } from '@posthorn/contract';
import type { FastifyRequest } from 'fastify';
import { type Job, type JobRequest, MOST_JOBS, type Store } from '../store/store.ts';
import { listedApplication, maySee, type Principal, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { instantOf, timestamp, timestampOrNull } from './instants.ts';
import { pageRequest, pageView } from './pages.ts';
import { Problem } from './problems.ts';
import { ENDPOINT_PARAMS, endpointFilter, endpointNotFound, requestedEndpoint } from './requested-endpoint.ts';
import { BODY, problemResponses } from './responses.ts';

const TAGS = ['Jobs'];
const PARAMS = IdParams('A job’s id');
const JOB_CREATED = { 202: JobSchema, ...problemResponses(...BODY, 'endpoint_not_found', 'too_many_jobs') };

export function jobRoutes(api: Api, { store }: ApiOptions): void {
  api.post(
    '/v1/endpoints/:id/recover',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Send failed deliveries again',
        description:
          'All those of the span, however many, marked `Posthorn-Late`. What is under way already is left alone, so asking twice sends nothing twice.',
        operationId: 'recover',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        body: RecoverSchema,
        response: JOB_CREATED,
      },
    },
    async (request, reply) => {
      const { status = 'failed', ...span } = request.body;
      return reply.code(202).send(await begin(request, { kind: 'recover', status }, { store, span }));
    },
  );

  api.post(
    '/v1/endpoints/:id/replay-missing',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Make the deliveries that are missing',
        description:
          'Those that the events of the span would have had, had the endpoint existed then, by the event types that it wants now; marked `Posthorn-Late`.',
        operationId: 'replayMissing',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        body: ReplayMissingSchema,
        response: JOB_CREATED,
      },
    },
    async (request, reply) => reply.code(202).send(await begin(request, { kind: 'replay_missing' }, { store, span: request.body })),
  );

  api.get(
    '/v1/jobs',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'List jobs',
        operationId: 'listJobs',
        tags: TAGS,
        querystring: JobQuerySchema,
        response: { 200: JobPageSchema, ...problemResponses('invalid_cursor', 'application_not_found') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const endpoint = endpointFilter(request.query.endpoint);
      const application = await listedApplication(principal, request.query.application, store);
      return pageView(request, await store.jobs.list(principal.environment, { application, endpoint, ...pageRequest(request) }), jobView);
    },
  );

  api.get(
    '/v1/jobs/:id',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'Get a job',
        description: 'How far it is.',
        operationId: 'getJob',
        tags: TAGS,
        params: PARAMS,
        response: { 200: JobSchema, ...problemResponses('job_not_found') },
      },
    },
    async (request) => jobView((await requestedJob(request, request.params.id, store)).job),
  );

  api.delete(
    '/v1/jobs/:id',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Cancel a job',
        description: 'What it has done stays done. The job stays, too, to be read.',
        operationId: 'cancelJob',
        tags: TAGS,
        params: PARAMS,
        response: { 200: JobSchema, ...problemResponses('job_not_found', 'job_ended') },
      },
    },
    async (request) => {
      const { principal, job } = await requestedJob(request, request.params.id, store);
      const canceled = await store.as(principal.actor).jobs.cancel(principal.environment, job.id);
      if (canceled === null) throw jobNotFound();
      if (canceled === 'ended') throw new Problem('job_ended', `The job is ${job.state}: there is nothing left to cancel.`);
      return jobView(canceled);
    },
  );
}

/** Makes the job that a request asks for, for the endpoint of its path. */
async function begin(
  request: FastifyRequest<{ Params: { id: string } }>,
  task: JobRequest['task'],
  { store, span }: { readonly store: Store; readonly span: { readonly since: string; readonly until?: string } },
): Promise<JobView> {
  const { principal, endpoint } = await requestedEndpoint(request, request.params.id, store);
  const asked = { endpoint: endpoint.id, task, ...readSpan(span, await store.now()) };
  const job = await store.as(principal.actor).jobs.create(principal.environment, asked);
  if (job === null) throw endpointNotFound();
  if (job === 'too_many') {
    throw new Problem('too_many_jobs', `This endpoint has ${MOST_JOBS} jobs that have not ended: wait for one, or cancel one.`);
  }
  return jobView(job);
}

/** @param now an event of this very instant is within a span that ends now */
function readSpan(span: { readonly since: string; readonly until?: string }, now: number): { since: number; until: number } {
  const since = instantOf(span.since, 'since') ?? 0;
  const until = Math.min(instantOf(span.until, 'until') ?? Number.POSITIVE_INFINITY, now + 1);
  if (since >= until)
    throw Problem.field('since', span.until === undefined ? 'must not lie in the future' : 'must lie before until, and not in the future');
  return { since, until };
}

async function requestedJob(
  request: FastifyRequest,
  id: string,
  store: Store,
): Promise<{ readonly principal: Principal; readonly job: Job }> {
  const principal = principalOf(request);
  const job = await store.jobs.get(principal.environment, id);
  if (job === null || !maySee(principal, job.application)) throw jobNotFound();
  return { principal, job };
}

function jobNotFound(): Problem {
  return new Problem('job_not_found', 'No job of this environment has this id.');
}

function jobView(job: Job): JobView {
  return {
    id: job.id,
    kind: job.task.kind,
    state: job.state,
    done: job.done,
    total: job.total,
    application: job.application,
    environment: job.environment,
    endpoint: job.endpoint,
    status: job.task.kind === 'recover' ? job.task.status : null,
    since: timestamp(job.since),
    until: timestamp(job.until),
    created_at: timestamp(job.createdAt),
    ended_at: timestampOrNull(job.endedAt),
  };
}
