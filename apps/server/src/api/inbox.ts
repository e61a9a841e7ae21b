/** Where an inbox is reached from outside: any body, of any type, and an answer in plain text. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createRateLimit } from '../accounts/rate-limit.ts';
import { type InboxAnswer, isInboxToken, receive, UNKNOWN_INBOX } from '../inbox/inbox.ts';
import { tooManyTries } from './account-problems.ts';
import type { Api, ApiOptions } from './context.ts';

interface Inbox {
  Params: { token: string };
}

/** What comes from outside has no lane that limits it. */
const MOST = { window: 60, max: 600 };

export async function inboxReceiver(api: Api, { store, clock }: ApiOptions): Promise<void> {
  const tries = createRateLimit(clock.now);
  await api.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    /** Before a body is read: what nobody has made an inbox for is nobody's to keep in memory. */
    const admit = async (request: FastifyRequest<Inbox>, reply: FastifyReply): Promise<FastifyReply | undefined> => {
      const { token } = request.params;
      if (!isInboxToken(token) || (await store.inboxes.byToken(token)) === null) return answer(reply, UNKNOWN_INBOX);
      const { retryAfter } = tries.consume(token, MOST);
      if (retryAfter !== null) throw tooManyTries(retryAfter);
      return undefined;
    };
    scope.post<Inbox>('/inbox/:token', { onRequest: admit, schema: { hide: true } }, async (request, reply) => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
      const body = Buffer.isBuffer(request.body) ? request.body : new Uint8Array();
      return answer(
        reply,
        await receive(request.params.token, { method: request.method, headers, body }, { inboxes: store.inboxes, clock }),
      );
    });
  });
}

function answer(reply: FastifyReply, { status, text }: InboxAnswer): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').serializer(String).send(text);
}
