/**
 * Receives in a process of its own, verifies each signature with the secret alone, and writes down each delivery before it answers, some tens of
 * milliseconds later, so that some are always out.
 *
 * Log lines: `got <id>` for a verified delivery, `forged` for another, `cut <epoch ms>` for a request whose connection broke before the answer.
 */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { verifyX } from '@posthorn/receiver';

const [log = '', secret = ''] = process.argv.slice(2);

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    if (!verifyX({ body, headers: request.headers, secrets: secret }).ok) {
      appendFileSync(log, 'forged\n');
      response.writeHead(403).end('Invalid signature');
      return;
    }
    const { id } = JSON.parse(body.toString()) as { id: string };
    appendFileSync(log, `got ${id}\n`);
    setTimeout(() => response.writeHead(200).end('Valid signature'), 20 + Math.random() * 80);
  });
  response.on('close', () => {
    if (!response.writableFinished) appendFileSync(log, `cut ${Date.now()}\n`);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' && address !== null ? address.port : 0);
});
process.on('disconnect', () => process.exit(0));
