/**
 * Writes to an endpoint's owners when it begins to fail, is disabled or has recovered. A mail is taken before it is sent, so a crash loses it rather
 * than sending it twice; one that the mail server certainly has not taken is tried again.
 */
import { type Mailer, MailNotTaken } from '../mail/mailer.ts';
import type { Notice } from '../store/store.ts';
import type { Chore, ChoreContext } from './keeper.ts';
import { letter } from './letters.ts';

const LOOK_MS = 60_000;
const MINUTE_MS = 60_000;
/** After each try that came to nothing, in minutes; then it is given up. */
const RETRY_MINUTES: readonly number[] = [1, 5, 15, 60, 240, 720];

export function mailsChore(context: ChoreContext): Chore {
  const { store, mailer } = context;
  return {
    name: 'mails',
    async step() {
      if (mailer === null) return { rows: 0, nextMs: Number.POSITIVE_INFINITY };
      // One at a time: a stop waits for no more than one.
      const [mail] = await store.notices.takeMails(1);
      if (mail !== undefined) return { rows: await send(context, mailer, mail), nextMs: 0 };
      const [next, now] = [await store.notices.nextMailAt(), await store.now()];
      return { rows: 0, nextMs: next === null ? LOOK_MS : Math.min(LOOK_MS, Math.max(1, next - now)) };
    },
  };
}

/** @returns how many were sent */
async function send(
  { store, ownersOf, serviceName, baseUrl, log }: ChoreContext,
  mailer: Mailer,
  { notice, to, tries }: { readonly notice: Notice; readonly to: readonly string[] | null; readonly tries: number },
): Promise<number> {
  const left: string[] = [];
  const addresses = to ?? (await addressesOf(notice, { store, ownersOf }));
  for (const address of addresses) {
    try {
      await mailer.send({ to: address, ...letter(notice, { serviceName, webAppUrl: baseUrl() }) });
    } catch (error) {
      if (!(error instanceof MailNotTaken)) throw error;
      log.warn({ err: error, notice: notice.id, kind: notice.kind, endpoint: notice.endpoint.id }, 'a mail could not be sent');
      if (error.mayLater) left.push(address);
    }
  }
  const minutes = RETRY_MINUTES[tries];
  if (left.length > 0 && minutes !== undefined) {
    await store.notices.mailLater(notice.id, { to: left, at: (await store.now()) + minutes * MINUTE_MS, tries: tries + 1 });
  }
  return addresses.length - left.length;
}

/** Nobody was written to yet: when the owners cannot be found out now, the mail is due again. */
async function addressesOf(notice: Notice, { store, ownersOf }: Pick<ChoreContext, 'store' | 'ownersOf'>): Promise<string[]> {
  try {
    return [...new Set((await ownersOf(notice.endpoint.id)).map(({ email }) => email))];
  } catch (error) {
    await store.notices.mailLater(notice.id, { to: null, at: (await store.now()) + MINUTE_MS, tries: 0 });
    throw error;
  }
}
