/** Things that happen seldom, and must happen at all: a simulation in which one never does proves less than it says. */

export const RARE: readonly string[] = [
  'crash',
  'crash just before a call of the store',
  'crash just after a call of the store',
  'crash in the middle of a settle',
  'crash with a request out',
  'process stopped',
  'machine suspended',
  'pause past the lease',
  'pause in the middle of a settle',
  'lane taken over',
  'fence refused a settle',
  'lease found lost at its renewal',
  'release of a lost lane passed over',
  'settle repeated',
  'store refused a call',
  'store left a call in doubt',
  'hint lost',
  'clock of the store set forward',
  'clock of the store set back',
  'clock of a dispatcher set forward',
  'clock of a dispatcher set back',
  'drain finished',
  'breaker opened',
  'breaker closed',
  'probe failed',
  'overtaking prevented',
  'an endpoint saw an event again',
  'rate limit reached',
  'Retry-After in seconds',
  'Retry-After as a date',
  '410 disabled an endpoint',
  'endpoint disabled for failing too long',
  'failed: attempts_exhausted',
  'failed: endpoint_gone',
  'retry by hand of one that is pending',
  'late re-send by hand',
  'canceled while its request was out',
  'dispatched now',
  'endpoint paused',
  'endpoint resumed',
  'disabled endpoint enabled',
  'endpoint deleted',
  'brake pulled',
  'brake let go',
  'cadence of an environment changed',
  'changed in the middle: cadence',
  'changed in the middle: maxInFlight',
  'changed in the middle: ordering',
  'changed in the middle: rateLimit',
  'changed in the middle: retrySchedule',
  'changed in the middle: url',
];

/** Fewer histories than this need not have seen everything. */
export const ENOUGH_HISTORIES = 200;

/** Those that never happened. */
export function neverHappened(counts: ReadonlyMap<string, number>): string[] {
  return RARE.filter((what) => (counts.get(what) ?? 0) === 0);
}
