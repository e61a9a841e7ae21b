/** Instants: epoch milliseconds inside, RFC 3339 outside. */
import { Problem } from './problems.ts';

export function timestamp(instant: number): string {
  return new Date(instant).toISOString();
}

/** An instant that there may not be: null, or one that no calendar reaches (a cadence without a next tick). */
export function timestampOrNull(instant: number | null): string | null {
  return instant === null || !Number.isFinite(instant) ? null : timestamp(instant);
}

/** `since` or `until` of a query. The schema has checked the form; the calendar has the last word. */
export function instantOf(text: string | undefined, path: string): number | null {
  if (text === undefined) return null;
  const instant = Date.parse(text);
  if (Number.isNaN(instant)) throw Problem.field(path, 'is not an instant that exists; write it as 2026-11-23T10:00:00Z');
  return instant;
}
