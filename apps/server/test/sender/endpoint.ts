import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** What an endpoint does with a connection, once a whole request has come (or at once, for those that do not read). */
export type Behaviour = (socket: Socket) => void;

export interface Endpoint {
  readonly port: number;
  /** `http://127.0.0.1:port/hook`, or https. */
  readonly url: string;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Whole requests read so far, head and body. */
  readonly requests: readonly string[];
  /** Bytes handed to the kernel, on all connections. */
  readonly bytesWritten: number;
  close(): Promise<void>;
}

export interface EndpointOptions {
  /** The name of a certificate in ./certificates. */
  readonly certificate?: string;
  /** Behave at once when connected, without reading. */
  readonly atAccept?: boolean;
  readonly host?: string;
}

/** An endpoint on loopback that speaks raw bytes, so that it can be as hostile as it likes. */
export async function startEndpoint(behave: Behaviour, options: EndpointOptions = {}): Promise<Endpoint> {
  const sockets: Socket[] = [];
  const requests: string[] = [];

  const onConnection = (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    if (options.atAccept) return behave(socket);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const headEnd = received.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (headEnd === -1 || received.length < headEnd + 4 + length) return;
      requests.push(received);
      received = '';
      behave(socket);
    });
  };

  const { certificate } = options;
  const server: Server =
    certificate === undefined
      ? createServer(onConnection)
      : createTlsServer({ cert: pem(`${certificate}.pem`), key: pem('server.key') }, onConnection).on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, options.host ?? '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host?.includes(':') ? `[${options.host}]` : (options.host ?? '127.0.0.1');

  return {
    port,
    url: `${certificate === undefined ? 'http' : 'https'}://${host}:${port}/hook`,
    requests,
    get connections() {
      return sockets.length;
    },
    get bytesWritten() {
      return sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0);
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

export function pem(file: string): string {
  return readFileSync(new URL(`./certificates/${file}`, import.meta.url), 'utf8');
}

/** A behaviour that answers each request with these bytes and keeps the connection. */
export function answers(text: string | Buffer): Behaviour {
  return (socket) => {
    socket.write(text);
  };
}

/** A complete answer with a body. */
export function response(status: string, { headers = [], body = '' }: { headers?: readonly string[]; body?: string } = {}): string {
  return [`HTTP/1.1 ${status}`, ...headers, `content-length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}
