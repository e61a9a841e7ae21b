import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

const RECHECK_AFTER_MS = 1_000;

/**
 * The machine's own table of names (hosts(5)). c-ares answers from name servers only, so the table is read here: when a
 * name is first asked for, and again when the file has changed. The calls are synchronous on purpose: a few microseconds,
 * at most once a second, and none of libuv's four threads.
 */
export class HostsFile {
  readonly #path: string;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #modifiedAt = Number.NaN;
  #table = new Map<string, string[]>();

  constructor(path: string) {
    this.#path = path;
  }

  /** The addresses of a lowercase name, empty when the file does not know it (or does not exist). */
  addressesOf(name: string): readonly string[] {
    const now = performance.now();
    if (now - this.#checkedAt >= RECHECK_AFTER_MS) {
      this.#checkedAt = now;
      this.#reload();
    }
    return this.#table.get(name) ?? [];
  }

  #reload(): void {
    try {
      const modifiedAt = statSync(this.#path).mtimeMs;
      if (modifiedAt !== this.#modifiedAt) {
        this.#table = parseHosts(readFileSync(this.#path, 'utf8'));
        this.#modifiedAt = modifiedAt;
      }
    } catch {
      // No such file on this machine, or not ours to read: then it has nothing to say.
      this.#table = new Map();
      this.#modifiedAt = Number.NaN;
    }
  }
}

function parseHosts(text: string): Map<string, string[]> {
  const table = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || isIP(address) === 0) continue;
    for (const name of names) {
      const known = table.get(name.toLowerCase());
      if (known === undefined) table.set(name.toLowerCase(), [address]);
      else known.push(address);
    }
  }
  return table;
}
