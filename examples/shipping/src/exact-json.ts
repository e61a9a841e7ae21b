type ReviveWithSource = (key: string, value: unknown, context: { readonly source: string }) => unknown;

// In V8 since Node 22, not yet in TypeScript's library: https://github.com/tc39/proposal-json-parse-with-source
const { parse, rawJSON } = JSON as unknown as {
  parse(text: string, revive: ReviveWithSource): unknown;
  rawJSON(text: string): unknown;
};

/**
 * Parses JSON so that `JSON.stringify` of the result gives each number back digit for digit: 17.0 stays 17.0 and a 19-digit id keeps
 * its last digits, which a double would round away. Numbers are opaque in between; all else is as `JSON.parse` has it.
 *
 * @throws SyntaxError if the text is not JSON
 */
export function parseExact(text: string): unknown {
  return parse(text, (_key, value, { source }) => (typeof value === 'number' ? rawJSON(source) : value));
}
