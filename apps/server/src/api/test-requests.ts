/** The test request: one signed attempt, sent now, of an event that is never stored. */
import { randomBytes } from 'node:crypto';
import { EndpointTestSchema, TestResultSchema, type TestResultView, UrlTestSchema } from '@posthorn/contract';
import { ID_RANDOM_BYTES, newId, renderBody } from '@posthorn/core';
import { generateSecret } from '../sender/secrets.ts';
import type { Environment, Store } from '../store/store.ts';
import { attemptView, unstoredAttempt } from './attempts.ts';
import { principalOf } from './auth.ts';
import type { Api, ApiOptions } from './context.ts';
import { timestamp } from './instants.ts';
import { Problem } from './problems.ts';
import { ENDPOINT_PARAMS, endpointNotFound, requestedEndpoint } from './requested-endpoint.ts';
import { BODY, problemResponses } from './responses.ts';
import type { Shares } from './shares.ts';
import { secretErrors } from './signing-secrets.ts';
import { urlProblem } from './url-rule.ts';

const TAGS = ['Test requests'];
const TEST_TYPE = 'webhook.test';

export function testRoutes(api: Api, options: ApiOptions, shares: Shares): void {
  const { store, allowList, baseUrl } = options;

  api.post(
    '/v1/endpoints/:id/test',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Send a test request to an endpoint',
        description:
          'Sent now, signed like any other; 200 with the attempt, whatever it came to. With `type`, it carries the example of that event type.',
        operationId: 'testEndpoint',
        tags: TAGS,
        params: ENDPOINT_PARAMS,
        body: EndpointTestSchema,
        'x-body-optional': true,
        response: { 200: TestResultSchema, ...problemResponses(...BODY, 'endpoint_not_found') },
      },
    },
    async (request) => {
      const { principal, endpoint } = await requestedEndpoint(request, request.params.id, store);
      const event = await testEvent(request.body.type, store, options.clock.now());
      shares.beginTest(principal);
      const secrets = await store.endpoints.secrets(principal.environment, endpoint.id);
      if (secrets === null) throw endpointNotFound();
      const others = [secrets.next, secrets.previous].flatMap((other) => (other === null ? [] : [other.secret]));
      const { url, headers: customHeaders } = endpoint;
      const signing = { current: secrets.current, others };
      return sendTest(event, { environment: principal.environment, url, customHeaders, secrets: signing }, options);
    },
  );

  api.post(
    '/v1/test',
    {
      config: { access: 'developer' },
      schema: {
        summary: 'Send a test request to any URL',
        description:
          'Before an endpoint is saved. Without a secret one is generated, and shown in the answer, so that the receiver can be checked against it.',
        operationId: 'testUrl',
        tags: TAGS,
        body: UrlTestSchema,
        response: { 200: TestResultSchema, ...problemResponses(...BODY) },
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const { environment } = principal;
      const { url, secret, type } = request.body;
      const errors = secret === undefined ? [] : secretErrors(secret);
      const message = urlProblem(url, { environment, allowList, baseUrl });
      if (message !== null) errors.unshift({ path: 'url', message });
      if (errors.length > 0) throw Problem.fields(errors);
      const event = await testEvent(type, store, options.clock.now());
      shares.beginTest(principal);
      const current = secret ?? generateSecret();
      const result = await sendTest(event, { environment, url, customHeaders: {}, secrets: { current, others: [] } }, options);
      return secret === undefined ? { ...result, secret: current } : result;
    },
  );
}

interface TestEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: number;
  /** JSON text. */
  readonly data: string;
}

async function testEvent(type: string | undefined, store: Store, now: number): Promise<TestEvent> {
  const event = { id: newId('evt_', now, randomBytes(ID_RANDOM_BYTES)), type: type ?? TEST_TYPE, timestamp: now };
  const known = type === undefined ? null : await store.eventTypes.get(type);
  if (known !== null && known.example !== null) return { ...event, data: known.example };
  if (event.type === TEST_TYPE) {
    return { ...event, data: JSON.stringify({ message: 'This is a test request. It stands for no event.', sent_at: timestamp(now) }) };
  }
  throw Problem.field(
    'type',
    known === null ? 'is not in the catalogue of event types' : 'has no example to send: add one to the event type',
  );
}

interface TestTarget {
  readonly environment: Environment;
  readonly url: string;
  readonly customHeaders: Readonly<Record<string, string>>;
  readonly secrets: { readonly current: string; readonly others: readonly string[] };
}

async function sendTest(event: TestEvent, target: TestTarget, { sender, userAgent }: ApiOptions): Promise<TestResultView> {
  const text = renderBody({ ...event, environment: target.environment });
  const { url, customHeaders, secrets } = target;
  const body = new TextEncoder().encode(text);
  const result = await sender.deliver({ url, customHeaders, secrets, userAgent, eventId: event.id, body, late: false });
  return { ...attemptView(unstoredAttempt(result), url), event: event.id, event_type: event.type, body: text };
}
