/**
 * JSON.parse that keeps how numbers were written: 17.0, and whole numbers beyond 2^53. Such a number becomes what JSON.stringify writes as it was.
 * For what is shown to people; a browser without JSON.rawJSON shows it rounded.
 */
interface RawJson {
  readonly rawJSON?: (text: string) => unknown;
}

export function parseExactly(text: string): unknown {
  const { rawJSON } = JSON as RawJson;
  if (rawJSON === undefined) return JSON.parse(text);
  const keep = (_: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source ? rawJSON(context.source) : value;
  return JSON.parse(text, keep);
}
