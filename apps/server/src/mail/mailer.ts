/** Mail that the program sends: invitations, links to confirm an address or to set a new password, notices. */
import { createTransport } from 'nodemailer';

export interface Message {
  readonly to: string;
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
}

export interface Mailer {
  /** Resolves once the mail server has taken it; rejects where it does not, or does not answer. */
  send(message: Message): Promise<void>;
}

/** A mail server that hangs must not hold up whoever waits for the answer. */
const PATIENCE_MS = 10_000;

/**
 * @param options.url smtp: or smtps:, with user and password where the server wants them
 * @param options.from sender of every mail, as `Name <address>` or the address alone
 */
export function createMailer({ url, from }: { readonly url: string; readonly from: string }): Mailer {
  const transport = createTransport({
    url,
    connectionTimeout: PATIENCE_MS,
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    // Texts hold what people wrote. Nothing of it names a file or an address to fetch.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ to, subject, text }) {
      // As an object, so that no part of it is read as a list of addresses.
      await transport.sendMail({ from, to: { name: '', address: to }, subject, text, headers: { 'Auto-Submitted': 'auto-generated' } });
    },
  };
}
