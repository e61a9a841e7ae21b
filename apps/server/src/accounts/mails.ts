/** What better-auth wants to be mailed. Sent in the background: how long a mail server takes must tell nobody whether an address has an account. */
import type { Mailer, Message } from '../mail/mailer.ts';
import type { RateLimit } from './rate-limit.ts';

interface MailsOptions {
  readonly baseUrl: () => string;
  readonly name: string;
  readonly onError: (error: unknown) => void;
}

/** To one address, whoever asks for them: more are of use to nobody but whoever wants to fill somebody's mailbox. */
export const MAILS_OF_ADDRESS = { window: 900, max: 5 };

interface Addressee {
  readonly user: { readonly email: string };
}

export function accountMails({ baseUrl, name, onError }: MailsOptions, mailer: Mailer, tries: RateLimit) {
  const send = (message: Message): Promise<void> => {
    // Left out without a word: an answer must not tell that there would have been a mail.
    if (tries.consume(`mail:${message.to}`, MAILS_OF_ADDRESS).allowed) mailer.send(message).catch(onError);
    return Promise.resolve();
  };
  return {
    verifyEmail: ({ user, token }: Addressee & { readonly token: string }) =>
      send({
        to: user.email,
        subject: `Confirm your address for ${name}`,
        text: `Somebody, most likely you, is creating an account at ${name} with this address.

Open this link to confirm it and go on. It works for an hour:

${baseUrl()}/auth/verify-email?token=${encodeURIComponent(token)}

If it was not you, do nothing, and above all do not open the link.`,
      }),
    resetPassword: ({ user, token }: Addressee & { readonly token: string }) =>
      send({
        to: user.email,
        subject: `A new password for ${name}`,
        text: `Somebody, most likely you, has asked for a new password for your account at ${name}.

Set it here. The link works once, and for an hour:

${baseUrl()}/reset-password/${encodeURIComponent(token)}

If it was not you, do nothing: your password stays as it is.`,
      }),
    existingAccount: ({ user }: Addressee) =>
      send({
        to: user.email,
        subject: `You have an account at ${name} already`,
        text: `Somebody, most likely you, has tried to create an account at ${name} with this address. There is one already.

Sign in here, or ask for a new password there:

${baseUrl()}/sign-in

If it was not you, there is nothing to do.`,
      }),
  };
}
