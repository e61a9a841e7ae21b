/**
 * The benchmark's receiver: answers 200 to every POST and does as little else as it can, so that it is never what is measured.
 * A process of its own; tells its port, its count and its processor time over IPC.
 */
import { createServer } from 'node:net';

/** `accept` (by default), `fail` answers 500, `hang` never answers. */
const [behaviour = 'accept'] = process.argv.slice(2);
const ANSWER = Buffer.from(
  behaviour === 'fail'
    ? 'HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n'
    : 'HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: keep-alive\r\n\r\nValid signature',
);
const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;

let count = 0;
let target = Number.POSITIVE_INFINITY;
/** Only requests for paths that begin so are counted; empty: all. */
let counted = '';

const server = createServer({ noDelay: true }, (socket) => {
  let pending: Buffer | null = null;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let buffer = pending === null ? chunk : Buffer.concat([pending, chunk]);
    let answers = 0;
    for (;;) {
      const headEnd = buffer.indexOf(HEAD_END);
      if (headEnd === -1) break;
      const head = buffer.toString('latin1', 0, headEnd);
      const length = Number(LENGTH.exec(head)?.[1] ?? 0);
      const end = headEnd + 4 + length;
      if (buffer.length < end) break;
      buffer = buffer.subarray(end);
      answers += 1;
      if (head.startsWith(counted, 'POST '.length)) count += 1;
    }
    pending = buffer.length === 0 ? null : buffer;
    if (behaviour !== 'hang') for (let answer = 0; answer < answers; answer += 1) socket.write(ANSWER);
    if (count >= target) {
      target = Number.POSITIVE_INFINITY;
      process.send?.({ kind: 'reached' });
    }
  });
});

process.on('message', (message: { kind: 'expect'; count: number; path?: string } | { kind: 'usage' }) => {
  if (message.kind === 'expect') {
    count = 0;
    target = message.count;
    counted = message.path ?? '';
    process.send?.({ kind: 'expecting' });
  } else {
    const { user, system } = process.cpuUsage();
    process.send?.({ kind: 'usage', cpuMs: (user + system) / 1000, count });
  }
});
process.on('disconnect', () => process.exit(0));

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ kind: 'listening', port: typeof address === 'object' && address !== null ? address.port : 0 });
});
