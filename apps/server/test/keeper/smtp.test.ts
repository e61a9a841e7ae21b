/** Mail to a real SMTP server on this machine: what arrives, and what each refusal means for another try. */
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Mailer, MailNotTaken } from '../../src/mail/mailer.ts';
import { smtpMailer } from '../../src/mail/smtp.ts';
import { type MailServer, startMailServer } from './mail-server.ts';

const MESSAGE = { to: 'ada@example.com', subject: 'Über alles', text: 'Line one\n.\nhttps://example.com/hook' };

let server: MailServer | null = null;
let mailer: Mailer | null = null;
afterEach(async () => {
  mailer?.close();
  await server?.close();
});

async function refusal(send: Promise<void>): Promise<MailNotTaken> {
  const error: unknown = await send.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MailNotTaken);
  return error as MailNotTaken;
}

describe('mail', () => {
  test('arrives as it was written', async () => {
    server = await startMailServer();
    mailer = smtpMailer({ url: server.url, from: 'Posthorn <posthorn@example.com>' });
    await mailer.send(MESSAGE);
    const [mail] = server.mails;
    expect([mail?.from, mail?.to]).toEqual(['posthorn@example.com', ['ada@example.com']]);
    expect(mail?.text).toMatch(/^Subject: =\?UTF-8\?Q\?=C3=9Cber_alles\?=\r$/m);
    expect(mail?.text).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(mail?.text).toContain('\r\n\r\nLine one\r\n.\r\nhttps://example.com/hook');
  });

  test.each([
    ['451 for the recipient', { recipient: 451 }, true],
    ['550 for the recipient', { recipient: 550 }, false],
    ['452 after the text', { text: 452 }, true],
    ['554 after the text', { text: 554 }, false],
  ])('%s: may it go later?', async (_, answers, mayLater) => {
    server = await startMailServer(answers);
    mailer = smtpMailer({ url: server.url, from: 'posthorn@example.com' });
    expect((await refusal(mailer.send(MESSAGE))).mayLater).toBe(mayLater);
    expect(server.mails).toEqual([]);
  });

  test('nobody listens: it may go later', async () => {
    const gone = await startMailServer();
    await gone.close();
    mailer = smtpMailer({ url: gone.url, from: 'posthorn@example.com' });
    expect((await refusal(mailer.send(MESSAGE))).mayLater).toBe(true);
  });

  test('a wrong password is mended by somebody: it may go later', async () => {
    server = await startMailServer({ password: 'right' });
    mailer = smtpMailer({ url: server.url.replace('//', '//posthorn:wrong@'), from: 'posthorn@example.com' });
    expect((await refusal(mailer.send(MESSAGE))).mayLater).toBe(true);
    mailer.close();
    mailer = smtpMailer({ url: server.url.replace('//', '//posthorn:right@'), from: 'posthorn@example.com' });
    await mailer.send(MESSAGE);
    expect(server.mails).toHaveLength(1);
  });

  test('a server that breaks off after the text may have it: no second try', async () => {
    const broken = createServer((socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', (chunk) => {
        const text = chunk.toString();
        if (text.startsWith('DATA')) socket.write('354 go on\r\n');
        else if (text.endsWith('\r\n.\r\n')) socket.destroy();
        else socket.write('250 ok\r\n');
      });
      socket.on('error', () => socket.destroy());
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => broken.once('listening', resolve));
    const { port } = broken.address() as { port: number };
    mailer = smtpMailer({ url: `smtp://127.0.0.1:${port}`, from: 'posthorn@example.com' });
    expect((await refusal(mailer.send(MESSAGE))).mayLater).toBe(false);
    await new Promise((resolve) => broken.close(resolve));
  });
});
