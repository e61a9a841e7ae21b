import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Sabotage } from './options.ts';

export interface SaboteurOptions {
  readonly sabotage: Exclude<Sabotage, 'wrong-secret'>;
  /** The receiver's. */
  readonly port: number;
  /** Ends the proxy. */
  readonly signal: AbortSignal;
}

interface Webhook {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * A proxy in front of the receiver that does its mischief once, to one status of one shipment, and passes everything else on. Resolves to
 * the URL to send to in place of the receiver's.
 */
export async function startSaboteur({ sabotage, port, signal }: SaboteurOptions): Promise<string> {
  let done = false;
  let heldBack: { readonly webhook: Webhook; readonly shipmentId: string } | null = null;

  async function meddle(webhook: Webhook): Promise<Answer> {
    const shipment = shipmentOf(webhook.body);
    if (heldBack !== null && shipment?.id === heldBack.shipmentId) {
      const { webhook: late } = heldBack;
      heldBack = null;
      const answer = await pass(port, webhook);
      await pass(port, late);
      return answer;
    }
    // Each shipment of the demo gets here, and has a status after it.
    if (done || shipment?.status !== 'in_progress') return pass(port, webhook);
    done = true;
    switch (sabotage) {
      case 'drop':
        return swallowed;
      case 'reorder':
        heldBack = { webhook, shipmentId: shipment.id };
        return swallowed;
      case 'tamper':
        return pass(port, { ...webhook, body: changeOneByte(webhook.body) });
    }
  }

  const proxy = createServer((incoming, outgoing) => {
    relay(incoming, outgoing).catch(() => outgoing.destroy());
  });
  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method, url: path, headers } = incoming;
    const { status, body } = await meddle({ method, path, headers, body: await buffer(incoming) });
    outgoing.writeHead(status, { 'Content-Type': 'text/plain' }).end(body);
  }
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  signal.addEventListener('abort', () => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/webhooks`;
}

const swallowed: Answer = { status: 200, body: Buffer.from('Valid signature') };

async function pass(port: number, { method, path, headers, body }: Webhook): Promise<Answer> {
  const outgoing = request({ host: '127.0.0.1', port, method, path, headers: { ...headers, connection: 'close' } });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: incoming.statusCode ?? 502, body: await buffer(incoming) };
}

function shipmentOf(body: Buffer): { readonly id: string; readonly status: string } | undefined {
  const { data } = JSON.parse(body.toString('utf8')) as { data?: { shipment?: { id: string; status: string } } };
  return data?.shipment;
}

function changeOneByte(body: Buffer): Buffer {
  const changed = Buffer.from(body);
  const at = changed.indexOf('in_progress');
  changed.write('I', at);
  return changed;
}
