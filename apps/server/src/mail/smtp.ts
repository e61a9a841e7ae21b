/** Mail over SMTP. nodemailer speaks the protocol; what its errors mean for another try is decided here. */
import { createTransport } from 'nodemailer';
import { type Mailer, MailNotTaken } from './mailer.ts';

/** One conversation step may take this long: a mail server that hangs must not keep a stop waiting. */
const TIMEOUT_MS = 10_000;

/** @param options.url `smtp://` (STARTTLS where the server offers it) or `smtps://`, with user and password where it wants them */
export function smtpMailer(options: { readonly url: string; readonly from: string }): Mailer {
  const transport = createTransport(
    {
      url: options.url,
      connectionTimeout: TIMEOUT_MS,
      greetingTimeout: TIMEOUT_MS,
      socketTimeout: TIMEOUT_MS,
      dnsTimeout: TIMEOUT_MS,
      // A text is all we send: nothing of it may name a file or an address to fetch.
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from: options.from },
  );
  return {
    async send({ to, subject, text }) {
      try {
        // Auto-Submitted (RFC 3834): no vacation notice answers it.
        await transport.sendMail({ to, subject, text, headers: { 'Auto-Submitted': 'auto-generated' } });
      } catch (error) {
        throw new MailNotTaken(error instanceof Error ? error.message : String(error), { mayLater: mayLater(error), cause: error });
      }
    },
    close: () => transport.close(),
  };
}

/** These come before anything of a mail is sent. A login that is refused is the operator's to mend, and then the mail may go. */
const BEFORE_THE_MAIL = new Set<unknown>(['EDNS', 'EAUTH', 'ETLS', 'CONNECT_TIMEOUT', 'GREETING_TIMEOUT', 'connect']);

/** A connection that broke later on leaves in doubt whether the server has the mail. */
function mayLater(error: unknown): boolean {
  const { code, responseCode, syscall, timeoutType } = error as Readonly<Record<string, unknown>>;
  if ([code, syscall, timeoutType].some((mark) => BEFORE_THE_MAIL.has(mark))) return true;
  // An answer decides: 4yz means not now, 5yz never (RFC 5321, section 4.2.1).
  return typeof responseCode === 'number' && responseCode < 500;
}
