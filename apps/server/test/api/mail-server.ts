/** A real mail server that keeps what it is given. */
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

export interface MailServer {
  readonly url: string;
  readonly received: ReceivedMail[];
  /** The next mail to this address that nobody has taken yet. */
  next(to: string): Promise<ReceivedMail>;
  close(): Promise<void>;
}

export async function startMailServer(): Promise<MailServer> {
  const received: ReceivedMail[] = [];
  const waiting: { readonly to: string; readonly resolve: (mail: ReceivedMail) => void }[] = [];
  const taken = new Set<ReceivedMail>();

  function handOut(): void {
    for (const mail of received.filter((one) => !taken.has(one))) {
      const index = waiting.findIndex(({ to }) => mail.to.includes(to));
      if (index === -1) continue;
      taken.add(mail);
      waiting.splice(index, 1)[0]?.resolve(mail);
    }
  }

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const message = Buffer.concat(chunks).toString('utf8');
        const addresses = rcptTo.map(({ address }) => address);
        received.push({ from: mailFrom === false ? '' : mailFrom.address, to: addresses, ...read(message) });
        done();
        handOut();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    received,
    next: (to) =>
      new Promise((resolve) => {
        waiting.push({ to, resolve });
        handOut();
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function read(message: string): { readonly subject: string; readonly text: string } {
  const [head = '', ...rest] = message.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const subject = /^Subject: (.*(?:\r\n[ \t].*)*)/im.exec(head)?.[1] ?? '';
  return { subject: subject.replace(/\r\n[ \t]/g, ' '), text: /quoted-printable/i.test(head) ? fromQuotedPrintable(body) : body };
}

/** RFC 2045, section 6.7. */
function fromQuotedPrintable(text: string): string {
  const bytes = text.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
