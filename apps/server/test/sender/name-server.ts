import { createSocket } from 'node:dgram';

const A = 1;
const AAAA = 28;

/** Addresses (either family) a name has now; `null`: no such name; `'silence'`: no answer at all. */
export type Answer = readonly string[] | null | 'silence' | { readonly afterMs: number; readonly addresses: readonly string[] };

export interface NameServer {
  /** `127.0.0.1:port`, for `dnsServers`. */
  readonly address: string;
  /** The names asked for so far, once for each question (A and AAAA). */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** A real name server on loopback, of the few lines of RFC 1035 that a resolver's two questions need. */
export async function startNameServer(answer: (name: string) => Answer): Promise<NameServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  const delayed = new Set<NodeJS.Timeout>();
  socket.on('message', (query, { port, address }) => {
    const { name, type, questionEnd } = readQuestion(query);
    asked.push(name);
    const found = answer(name);
    if (found === 'silence') return;
    const addresses = found === null ? [] : 'afterMs' in found ? found.addresses : found;
    const records = addresses.filter((ip) => ip.includes(':') === (type === AAAA) && (type === A || type === AAAA));
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(found === null ? 0x8183 : 0x8180, 2);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt32BE(0, 8);
    const reply = Buffer.concat([head, query.subarray(12, questionEnd), ...records.map(record)]);
    const send = () => socket.send(reply, port, address);
    if (found !== null && 'afterMs' in found) delayed.add(setTimeout(send, found.afterMs));
    else send();
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        for (const timer of delayed) clearTimeout(timer);
        socket.close(() => resolve());
      }),
  };
}

function readQuestion(query: Buffer): { name: string; type: number; questionEnd: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), questionEnd: at + 5 };
}

/** Name: a pointer to the question's. Class IN, time to live 0. */
function record(ip: string): Buffer {
  const data = ip.includes(':') ? ipv6Bytes(ip) : Buffer.from(ip.split('.').map(Number));
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(ip.includes(':') ? AAAA : A, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function ipv6Bytes(ip: string): Buffer {
  const [front = '', back = ''] = ip.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const middle = Array<number>(8 - groups(front).length - groups(back).length).fill(0);
  return Buffer.from([...groups(front), ...middle, ...groups(back)].flatMap((group) => [group >> 8, group & 255]));
}
