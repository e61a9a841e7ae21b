import { DispatchSchema, type DispatchView } from '@posthorn/contract';
import { nextTick, parseCadence } from '@posthorn/core';
import type { EnvironmentState, Store } from '../store/store.ts';
import { type Principal, principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestampOrNull } from './instants.ts';
import { problemResponses } from './responses.ts';

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
}

async function dispatchView(store: Store, principal: Principal, state: EnvironmentState): Promise<DispatchView> {
  const [now, backlog] = await Promise.all([store.now(), store.environments.backlog(principal.environment, principal.application)]);
  const reading = parseCadence(state.cadence);
  return {
    environment: state.environment,
    cadence: state.cadence,
    last_at: timestampOrNull(state.lastDispatchAt),
    // `now` itself is a tick that is happening; the next one comes after it.
    next_at: reading.ok ? timestampOrNull(nextTick(reading.cadence, reading.cadence.kind === 'immediate' ? now : now + 1)) : null,
    pending: backlog.pending,
    oldest_pending_at: timestampOrNull(backlog.oldestPendingAt),
  };
}
