import {
  BrakeSchema,
  CadencePreviewQuerySchema,
  CadencePreviewSchema,
  CadencePutSchema,
  DispatchSchema,
  type DispatchView,
} from '@posthorn/contract';
import { type Cadence, formatCadence, gate, nextTick, parseCadence, ticksAfter } from '@posthorn/core';
import type { EnvironmentState, Store } from '../store/store.ts';
import { applicationNotFound, listedApplication, type Principal, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp, timestampOrNull } from './instants.ts';
import { Problem } from './problems.ts';
import { BODY, problemResponses } from './responses.ts';

const TAGS = ['Dispatch'];

export function dispatchRoutes(api: Api, { store }: ApiOptions): void {
  api.get(
    '/v1/dispatch',
    {
      config: { access: 'viewer' },
      schema: {
        summary: 'When the environment sends, and what waits',
        operationId: 'getDispatch',
        tags: TAGS,
        response: { 200: DispatchSchema, ...problemResponses() },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      return dispatchView(store, principal, await store.environments.get(principal.environment));
    },
  );

  api.post(
    '/v1/dispatch',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'Dispatch now',
        description: 'Lets everything that waits for the environment’s next dispatch go now. Takes a service key.',
        operationId: 'dispatchNow',
        tags: TAGS,
        response: { 202: DispatchSchema, ...problemResponses('service_key_required') },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      const state = await store.as(principal.actor).environments.open(principal.environment);
      return reply.code(202).send(await dispatchView(store, principal, state));
    },
  );

  cadenceRoutes(api, store);
  brakeRoute(api, store, 'pause');
  brakeRoute(api, store, 'resume');
}

/** As many ticks as show what an expression means: whether it skips the weekend, say. */
const TICKS_SHOWN = 5;

function cadenceRoutes(api: Api, store: Store): void {
  api.put(
    '/v1/dispatch',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'Set the cadence',
        description:
          'Takes effect at once, on what waits too. It outlasts a restart, unless the server is started with `POSTHORN_CADENCE_…`: see `cadence_at_start`. Endpoints with a cadence of their own keep it. Takes a service key.',
        operationId: 'setCadence',
        tags: TAGS,
        body: CadencePutSchema,
        response: { 200: DispatchSchema, ...problemResponses(...BODY, 'service_key_required', 'invalid_cadence') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const cadence = formatCadence(readCadence(request.body.cadence));
      return dispatchView(store, principal, await store.as(principal.actor).environments.setCadence(principal.environment, cadence));
    },
  );

  api.get(
    '/v1/dispatch/preview',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'What a cadence would mean',
        description: 'Its next ticks, and what it would let go at once. Changes nothing. Takes a service key.',
        operationId: 'previewCadence',
        tags: TAGS,
        querystring: CadencePreviewQuerySchema,
        response: { 200: CadencePreviewSchema, ...problemResponses('service_key_required', 'invalid_cadence') },
      },
    },
    async (request) => {
      const cadence = readCadence(request.query.cadence);
      const [now, { openedAt }] = await Promise.all([store.now(), store.environments.get(principalOf(request).environment)]);
      const opens = Math.max(gate(cadence, now), openedAt);
      return {
        cadence: formatCadence(cadence),
        next: ticksAfter(cadence, now, { count: TICKS_SHOWN }).map(timestamp),
        // Zero: no tick has been, and nothing was ever let go by hand.
        gate: opens > 0 ? timestampOrNull(opens) : null,
      };
    },
  );
}

function readCadence(text: string): Cadence {
  const reading = parseCadence(text);
  if (!reading.ok) throw Problem.fields([{ path: 'cadence', message: reading.message }], 'invalid_cadence');
  return reading.cadence;
}

/** `POST /v1/pause` and `/v1/resume`. */
function brakeRoute(api: Api, store: Store, action: 'pause' | 'resume'): void {
  const pausing = action === 'pause';
  api.post(
    `/v1/${action}`,
    {
      config: { access: 'provider' },
      schema: {
        summary: pausing ? 'Hold everything back' : 'Let it go again',
        description: pausing
          ? 'Nothing new leaves for the environment, or for one application in it; what waits stays. Attempts in flight end. Takes a service key.'
          : 'Releases the brake of the environment, or of one application in it: each by itself. Takes a service key.',
        operationId: action,
        tags: TAGS,
        body: BrakeSchema,
        'x-body-optional': true,
        response: { 200: DispatchSchema, ...problemResponses(...BODY, 'service_key_required', 'application_not_found') },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const application = await listedApplication(principal, request.body.application, store);
      if (!(await store.as(principal.actor).brakes[action](principal.environment, application))) throw applicationNotFound('application');
      return dispatchView(store, principal, await store.environments.get(principal.environment));
    },
  );
}

async function dispatchView(store: Store, principal: Principal, state: EnvironmentState): Promise<DispatchView> {
  const { environment, application } = principal;
  const [now, lastAt, backlog, brakes] = await Promise.all([
    store.now(),
    // The environment's own would tell an application when others were sent to.
    application === null ? state.lastDispatchAt : store.stats.lastAttemptAt(environment, application),
    store.environments.backlog(environment, application),
    store.brakes.get(environment),
  ]);
  const own = brakes.applications.find((brake) => brake.application === application);
  const reading = parseCadence(state.cadence);
  return {
    environment: state.environment,
    cadence: state.cadence,
    cadence_at_start: principal.rank === 'provider' ? state.cadenceAtStart : null,
    last_at: timestampOrNull(lastAt),
    // `now` itself is a tick that is happening; the next one comes after it.
    next_at: reading.ok ? timestampOrNull(nextTick(reading.cadence, reading.cadence.kind === 'immediate' ? now : now + 1)) : null,
    pending: backlog.pending,
    oldest_pending_at: timestampOrNull(backlog.oldestPendingAt),
    paused_at: timestampOrNull(brakes.pausedAt ?? own?.pausedAt ?? null),
    paused_applications:
      application === null
        ? brakes.applications.map((brake) => ({ application: brake.application, paused_at: timestamp(brake.pausedAt) }))
        : [],
  };
}
