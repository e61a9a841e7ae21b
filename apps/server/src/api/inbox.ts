/** Where an inbox is reached from outside: any body, of any type, and an answer in plain text. */
import { createRateLimit } from '../accounts/rate-limit.ts';
import { receive } from '../inbox/inbox.ts';
import { tooManyTries } from './account-problems.ts';
import type { Api, ApiOptions } from './context.ts';

/** What comes from outside has no lane that limits it. */
const MOST = { window: 60, max: 600 };

export async function inboxReceiver(api: Api, { store, clock }: ApiOptions): Promise<void> {
  const tries = createRateLimit(clock.now);
  await api.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.post<{ Params: { token: string } }>('/inbox/:token', { schema: { hide: true } }, async (request, reply) => {
      const { retryAfter } = tries.consume(request.params.token, MOST);
      if (retryAfter !== null) throw tooManyTries(retryAfter);
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
      const body = Buffer.isBuffer(request.body) ? request.body : new Uint8Array();
      const answer = await receive(request.params.token, { method: request.method, headers, body }, { inboxes: store.inboxes, clock });
      return reply.code(answer.status).type('text/plain; charset=utf-8').serializer(String).send(answer.text);
    });
  });
}
