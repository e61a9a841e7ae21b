/** The operator: who becomes it, and what it sees of the whole. */
import {
  LinkSchema,
  OverviewSchema,
  type OverviewView,
  PasswordResetRequestSchema,
  ResetLinkSchema,
  SessionSchema,
} from '@posthorn/contract';
import { gate, nextTick, parseCadence } from '@posthorn/core';
import type { Environment, Store } from '../store/store.ts';
import { linkOver } from './account-problems.ts';
import { hashToken, principalOf, requireSayOverPeople } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp, timestampOrNull } from './instants.ts';
import { Problem } from './problems.ts';
import { BODY, problemResponses } from './responses.ts';
import { freshSessionView } from './session.ts';
import { personOf } from './sessions.ts';

const TAGS = ['Operation'];

export function operatorRoutes(api: Api, { store, accounts }: ApiOptions): void {
  api.post(
    '/v1/operator/claim',
    {
      config: { access: 'session' },
      schema: {
        summary: 'Become the operator',
        description: 'By the link that the first start printed, while there is no operator.',
        operationId: 'claimOperator',
        tags: TAGS,
        security: [{ session: [] }],
        body: LinkSchema,
        response: { 200: SessionSchema, ...problemResponses(...BODY, 'account_required', 'wrong_origin', 'link_over') },
      },
    },
    async (request) => {
      const { id, name } = personOf(request);
      const claimed = await store.as({ kind: 'person', id, name }).operators.claim(hashToken(request.body.token), id);
      if (!claimed) throw linkOver();
      return freshSessionView(request, store);
    },
  );

  api.post(
    '/v1/operator/reset-links',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'Make a link for a new password',
        description:
          'For somebody who has forgotten theirs, where no mail can be sent: hand it to them, and to nobody else. It works once, for an hour. Takes a service key of production, or the operator.',
        operationId: 'createResetLink',
        tags: TAGS,
        body: PasswordResetRequestSchema,
        response: {
          201: ResetLinkSchema,
          ...problemResponses(...BODY, 'service_key_required', 'production_key_required', 'person_not_found'),
        },
      },
    },
    async (request, reply) => {
      const principal = principalOf(request);
      requireSayOverPeople(principal);
      const link = await accounts.resetLink(request.body.email.toLowerCase());
      if (link === null) throw new Problem('person_not_found', 'Nobody has an account with this e-mail address.');
      const { person, url, expiresAt } = link;
      await store.as(principal.actor).people.noteResetLink(person);
      return reply.code(201).send({ url, expires_at: timestamp(expiresAt) });
    },
  );

  api.get(
    '/v1/operator/overview',
    {
      config: { access: 'provider' },
      schema: {
        summary: 'The health of the whole',
        description: 'Of the environment of the request, across applications.',
        operationId: 'getOverview',
        tags: TAGS,
        response: { 200: OverviewSchema, ...problemResponses('service_key_required') },
      },
    },
    async (request) => overview(principalOf(request).environment, store),
  );
}

const MINUTE_MS = 60_000;
const SLOWEST = 10;

async function overview(environment: Environment, store: Store): Promise<OverviewView> {
  const now = await store.now();
  // A whole minute, and what there is of this one: a shorter span would jump about.
  const since = Math.floor(now / MINUTE_MS - 1) * MINUTE_MS;
  const everywhere = { application: null, endpoint: null };
  const [census, backlog, brakes, rollups, slowest, lag] = await Promise.all([
    store.environments.census(environment),
    store.environments.backlog(environment, null),
    store.brakes.get(environment),
    store.stats.rollups(environment, { ...everywhere, widthMs: MINUTE_MS, since, until: now + 1 }),
    store.stats.slowest(environment, { since: now - 60 * MINUTE_MS, limit: SLOWEST }),
    gateLag(environment, store),
  ]);
  const attempts = rollups.reduce((sum, { accepted, failed }) => sum + accepted + failed, 0);
  const whole = brakes.pausedAt === null ? [] : [{ application: null, since: timestamp(brakes.pausedAt) }];
  return {
    applications: census.applications,
    endpoints: { ...census.endpoints },
    rate_per_second: Math.round((attempts * 100_000) / (now - since)) / 100,
    gate_lag_ms: lag,
    pending: backlog.pending,
    oldest_pending_at: timestampOrNull(backlog.oldestPendingAt),
    breakers: { ...census.breakers },
    slowest_endpoints: slowest.map(({ endpoint, url, application, p95 }) => ({ endpoint, url, application, p95_ms: Math.round(p95) })),
    brakes: [...whole, ...brakes.applications.map(({ application, pausedAt }) => ({ application, since: timestamp(pausedAt) }))],
  };
}

/** How far behind its tick the oldest first attempt is that may go, in milliseconds. */
async function gateLag(environment: Environment, store: Store): Promise<number> {
  const { now, groups } = await store.lanes.outlook();
  const { firsts } = await store.lanes.upcoming();
  const lags = groups.map((group) => {
    const first = firsts.get(group.group);
    const reading = parseCadence(group.cadence);
    if (group.environment !== environment || first === undefined || !reading.ok) return 0;
    return first <= gate(reading.cadence, now) ? Math.max(0, now - nextTick(reading.cadence, first)) : 0;
  });
  return Math.max(0, ...lags);
}
