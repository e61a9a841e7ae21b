/** Instants and durations in words. Instants are RFC 3339 texts, durations milliseconds. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const MINUTES = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const DATE = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const DATE_WITH_YEAR = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });

/** `23 Nov`, with the year when it is another than this one. */
export function date(at: Date): string {
  return (at.getFullYear() === new Date().getFullYear() ? DATE : DATE_WITH_YEAR).format(at);
}

/** `14:30:05` */
export function clock(at: Date): string {
  return CLOCK.format(at);
}

/** `14:30` */
export function minutes(at: Date): string {
  return MINUTES.format(at);
}

/** `23 Nov, 14:30:05` in the reader's zone. */
export function dateAndClock(at: Date): string {
  return `${date(at)}, ${clock(at)}`;
}

/** `Mon 23 Nov, 14:30` or `Mon 23 Nov, 14:30:05`, in the reader's zone unless another is named. */
export function dayAndClock(at: Date, { seconds, timeZone }: { readonly seconds: boolean; readonly timeZone?: string | null }): string {
  return new Intl.DateTimeFormat(undefined, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(seconds && { second: '2-digit' }),
    ...(timeZone != null && { timeZone }),
  }).format(at);
}

/** `2026-11-23 14:30:05.120 UTC`: what a hover tells. */
export function utc(at: Date): string {
  return `${at.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** `12 min`, `3 h 5 min`, `2 days`: two units at most, for people. */
function roughly(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < DAY) {
    const hours = Math.floor(ms / HOUR);
    const rest = Math.round((ms % HOUR) / MINUTE);
    return rest === 0 || hours >= 10 ? `${Math.round(ms / HOUR)} h` : `${hours} h ${rest} min`;
  }
  const days = Math.round(ms / DAY);
  return `${days} day${days === 1 ? '' : 's'}`;
}

/** `in 12 min`, `3 h ago`, `now` */
export function fromNow(at: Date, now: number): string {
  const away = at.getTime() - now;
  if (Math.abs(away) < SECOND) return 'now';
  return away > 0 ? `in ${roughly(away)}` : `${roughly(-away)} ago`;
}

/** `in 12 min`, and `now` from then on: what is planned for an instant that has come is not past, it is about to happen. */
export function until(at: Date, now: number): string {
  return fromNow(new Date(Math.max(at.getTime(), now)), now);
}

/** `48 ms`, `1.24 s`, `30 s` */
export function precisely(durationMs: number): string {
  if (durationMs < SECOND) return `${Math.round(durationMs)} ms`;
  return `${(durationMs / SECOND).toFixed(durationMs < 10 * SECOND ? 2 : 1).replace(/\.?0+$/, '')} s`;
}

/** Seconds of a retry schedule: `5 s`, `5 min`, `2 h`. */
export function step(seconds: number): string {
  return roughly(seconds * SECOND);
}
