const HOUR = 3_600_000;

/** The spans of the overview, with the step of their points. */
export const SPANS = {
  '1h': { spanMs: HOUR, step: '1m' },
  '24h': { spanMs: 24 * HOUR, step: '30m' },
  '7d': { spanMs: 168 * HOUR, step: '3h' },
  '30d': { spanMs: 720 * HOUR, step: '12h' },
} as const;

export type SpanName = keyof typeof SPANS;

export function isSpan(text: string | undefined): text is SpanName {
  return text !== undefined && Object.hasOwn(SPANS, text);
}
