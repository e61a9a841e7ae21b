/** How often something may be tried, per key and window. In memory: each process counts for itself. */

export interface RateLimitRule {
  /** Seconds, from the first try on. */
  readonly window: number;
  readonly max: number;
}

export interface RateLimit {
  /** Counts a try, or as many as one is worth. `retryAfter`: seconds until the next one may be; null: this one may. */
  consume(key: string, rule: RateLimitRule, worth?: number): { readonly allowed: boolean; readonly retryAfter: number | null };
  /** Counts what is done already, or takes back what was counted too much. */
  add(key: string, rule: RateLimitRule, worth: number): void;
  /** Forgets what was counted. */
  clear(key: string): void;
}

/** So many keys are remembered at most: an attacker with many addresses must not fill the memory. */
const MOST_KEYS = 100_000;

/** @param now epoch milliseconds */
export function createRateLimit(now: () => number): RateLimit {
  const counts = new Map<string, { count: number; endsAt: number }>();

  function makeRoom(at: number): void {
    for (const [key, { endsAt }] of counts) if (endsAt <= at) counts.delete(key);
    // The oldest come first.
    for (const key of counts.keys()) {
      if (counts.size < MOST_KEYS) return;
      counts.delete(key);
    }
  }

  function begin(key: string, { window }: RateLimitRule, { at, worth }: { readonly at: number; readonly worth: number }): void {
    if (counts.size >= MOST_KEYS) makeRoom(at);
    counts.set(key, { count: worth, endsAt: at + window * 1000 });
  }

  return {
    consume(key, rule, worth = 1) {
      const at = now();
      const known = counts.get(key);
      if (known === undefined || known.endsAt <= at) {
        begin(key, rule, { at, worth });
        return { allowed: true, retryAfter: null };
      }
      if (known.count >= rule.max) return { allowed: false, retryAfter: Math.ceil((known.endsAt - at) / 1000) };
      known.count += worth;
      return { allowed: true, retryAfter: null };
    },
    add(key, rule, worth) {
      const at = now();
      const known = counts.get(key);
      if (known === undefined || known.endsAt <= at) begin(key, rule, { at, worth });
      else known.count += worth;
    },
    clear(key) {
      counts.delete(key);
    },
  };
}
