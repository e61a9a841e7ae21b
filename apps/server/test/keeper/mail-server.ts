/** A real SMTP server on a free port of this machine, which keeps what it gets. */
import { SMTPServer } from 'smtp-server';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and text as they came. */
  readonly text: string;
}

export interface MailServer {
  readonly url: string;
  readonly mails: ReceivedMail[];
  /** What it answers instead of taking a mail, from now on. */
  answers: Answers;
  close(): Promise<void>;
}

export interface Answers {
  /** A status in answer to a recipient. */
  readonly recipient?: number;
  /** A status after the text. */
  readonly text?: number;
  /** Wants a login with this password. */
  readonly password?: string;
}

export async function startMailServer(answers: Answers = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: answers.password === undefined,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    closeTimeout: 100,
    onAuth({ password }, _session, callback) {
      if (password === answers.password) callback(null, { user: 'posthorn' });
      else callback(refused(535));
    },
    onRcptTo(_address, _session, callback) {
      callback(mailServer.answers.recipient === undefined ? null : refused(mailServer.answers.recipient));
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (mailServer.answers.text !== undefined) {
          callback(refused(mailServer.answers.text));
          return;
        }
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString(),
        });
        callback();
      });
    },
  });
  const mailServer: MailServer = {
    url: '',
    mails,
    answers,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  // A client that breaks off is part of the tests.
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the mail server has no port');
  return Object.assign(mailServer, { url: `smtp://127.0.0.1:${address.port}` });
}

function refused(responseCode: number): Error {
  return Object.assign(new Error('not this one'), { responseCode });
}
