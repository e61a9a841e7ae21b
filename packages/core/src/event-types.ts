/** Names of event types, and the patterns by which an endpoint chooses among them (CONTRACT §3). */

const MAX_LENGTH = 128;
const NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

/** Whether `text` is a name such as `shipment.status_updated`: 1 to 128 characters, segments of `A-Z a-z 0-9 _ -` joined by dots. */
export function isEventTypeName(text: string): boolean {
  return text.length <= MAX_LENGTH && NAME.test(text);
}

/** Whether `text` is a name, or a name followed by `.*`; at most 128 characters. An endpoint that wants everything has no pattern at all. */
export function isEventTypePattern(text: string): boolean {
  return text.length <= MAX_LENGTH && NAME.test(text.endsWith('.*') ? text.slice(0, -2) : text);
}

/** Whether an endpoint with these patterns receives events of `type`. No patterns: all types. `shipment.*`: all that start with `shipment.`. */
export function matchesEventTypes(patterns: readonly string[], type: string): boolean {
  return patterns.length === 0 || patterns.some((pattern) => matchesPattern(pattern, type));
}

function matchesPattern(pattern: string, type: string): boolean {
  return pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
}
