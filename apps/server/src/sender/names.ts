import { Resolver } from 'node:dns';
import { isIP } from 'node:net';
import { HostsFile } from './hosts-file.ts';

/**
 * What a host name came to. `saidBy` tells whose word it is: the URL's own (`literal`), the operator's machine (`machine`:
 * localhost and the hosts file), or a name server, and so the customer's (`dns`).
 */
export type Resolution =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[]; readonly saidBy: 'literal' | 'machine' | 'dns' }
  | { readonly kind: 'failed'; readonly detail: string };

export interface NameResolver {
  /** `hostname` as in `URL.hostname`, without the brackets of an IPv6 literal. Never rejects. */
  resolve(hostname: string): Promise<Resolution>;
  /** Questions still open are given up. */
  close(): void;
}

export interface NameResolverOptions {
  /** How long a name may take altogether, in milliseconds. */
  readonly timeoutMs: number;
  /** Name servers as `address:port`; the machine's own when absent. */
  readonly servers?: readonly string[] | undefined;
  readonly hostsFile: string;
}

/** Once one family has answered, how long the other one is waited for (RFC 8305, section 3, has 50 ms). */
const OTHER_FAMILY_GRACE_MS = 100;
/** A question without an answer is put a second time after this long, to the next name server where there is one. */
const ASK_AGAIN_AFTER_MS = 2_000;

/**
 * Resolves names with c-ares, without threads. `dns.lookup` would run getaddrinfo on libuv's four: four names whose servers
 * hang would stop every other endpoint (and all file I/O) with them.
 */
export function createNameResolver({ timeoutMs, servers, hostsFile }: NameResolverOptions): NameResolver {
  const hosts = new HostsFile(hostsFile);
  // Fifty deliveries to one endpoint that open fifty connections ask once.
  const underway = new Map<string, Lookup>();

  return {
    resolve(hostname) {
      if (isIP(hostname) !== 0) return Promise.resolve({ kind: 'addresses', addresses: [hostname], saidBy: 'literal' });
      const name = hostname.toLowerCase().replace(/\.$/, '');
      const local = hosts.addressesOf(name);
      if (local.length > 0) return Promise.resolve({ kind: 'addresses', addresses: local, saidBy: 'machine' });
      // RFC 6761, section 6.3: localhost names are loopback, and no name server is asked.
      if (name === 'localhost' || name.endsWith('.localhost')) {
        return Promise.resolve({ kind: 'addresses', addresses: ['127.0.0.1', '::1'], saidBy: 'machine' });
      }
      let lookup = underway.get(name);
      if (lookup === undefined) {
        lookup = new Lookup(name, { timeoutMs, servers, onEnd: () => underway.delete(name) });
        underway.set(name, lookup);
      }
      return lookup.answer;
    },
    close() {
      for (const lookup of underway.values()) lookup.conclude();
    },
  };
}

/**
 * One name's A and AAAA questions. Each lookup has c-ares resolvers of its own (16 µs, measured): a shared one lowers its
 * patience to five times the usual answer's delay, so that among quick names one that takes 3 s never resolves; it counts
 * one customer's dead name servers against all; and it goes on asking the servers that resolv.conf had when it was made.
 */
class Lookup {
  readonly answer: Promise<Resolution>;
  readonly #name: string;
  readonly #servers: readonly string[] | undefined;
  readonly #found: { 4: readonly string[]; 6: readonly string[] } = { 4: [], 6: [] };
  readonly #answered = new Set<Family>();
  readonly #resolvers: Resolver[] = [];
  readonly #resolve: (resolution: Resolution) => void;
  readonly #onEnd: () => void;
  readonly #askAgain: NodeJS.Timeout;
  #timeLimit: NodeJS.Timeout;
  #problem = 'ETIMEOUT';

  constructor(name: string, options: Pick<NameResolverOptions, 'timeoutMs' | 'servers'> & { readonly onEnd: () => void }) {
    const { promise, resolve } = Promise.withResolvers<Resolution>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#name = name;
    this.#servers = options.servers;
    this.#onEnd = options.onEnd;
    this.#timeLimit = setTimeout(() => this.conclude(), options.timeoutMs);
    this.#askAgain = setTimeout(() => this.#ask({ startAtServer: 1 }), ASK_AGAIN_AFTER_MS);
    this.#ask({ startAtServer: 0 });
  }

  /** Answers with what there is, and gives up the rest. */
  conclude(): void {
    clearTimeout(this.#timeLimit);
    clearTimeout(this.#askAgain);
    this.#onEnd();
    const addresses = [...this.#found[4], ...this.#found[6]];
    if (addresses.length > 0) this.#resolve({ kind: 'addresses', addresses, saidBy: 'dns' });
    else this.#resolve({ kind: 'failed', detail: lookupFailure(this.#name, this.#problem) });
    for (const resolver of this.#resolvers) resolver.cancel();
  }

  #ask({ startAtServer }: { readonly startAtServer: number }): void {
    // c-ares itself moves on to further servers; the time limit ends it all.
    const resolver = new Resolver({ timeout: 5_000, tries: 2 });
    const servers = this.#servers ?? resolver.getServers();
    const first = servers.length === 0 ? 0 : startAtServer % servers.length;
    if (this.#servers !== undefined || first > 0) resolver.setServers([...servers.slice(first), ...servers.slice(0, first)]);
    this.#resolvers.push(resolver);
    resolver.resolve4(this.#name, (error, addresses) => this.#record(4, error, addresses));
    resolver.resolve6(this.#name, (error, addresses) => this.#record(6, error, addresses));
  }

  #record(family: Family, error: NodeJS.ErrnoException | null, addresses: readonly string[]): void {
    if (this.#answered.has(family) || error?.code === 'ECANCELLED') return;
    this.#answered.add(family);
    // "No such name" says more than "no address of this family", whichever of the two came last.
    if (error !== null) this.#problem = this.#problem === 'ENOTFOUND' ? this.#problem : (error.code ?? error.message);
    else this.#found[family] = addresses;
    if (this.#answered.size === 2) {
      this.conclude();
    } else if (this.#found[family].length > 0) {
      clearTimeout(this.#timeLimit);
      this.#timeLimit = setTimeout(() => this.conclude(), OTHER_FAMILY_GRACE_MS);
    }
  }
}

type Family = 4 | 6;

function lookupFailure(name: string, code: string): string {
  switch (code) {
    case 'ENOTFOUND':
      return `The name ${name} does not exist (ENOTFOUND).`;
    case 'ENODATA':
      return `The name ${name} exists but has no address (ENODATA).`;
    case 'ETIMEOUT':
      return `The name servers did not answer for ${name} in time (${code}).`;
    default:
      return `The name ${name} could not be resolved (${code}).`;
  }
}
