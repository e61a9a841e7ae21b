/** An event type whose schema and example stay the texts that they are. */
import type { EventTypeDetailView } from '@posthorn/contract';
import { readJson } from '@posthorn/core/json';

/** As deep as the server takes JSON. */
export const MAX_DEPTH = 100;

export interface WrittenEventType extends Omit<EventTypeDetailView, 'schema' | 'example'> {
  /** JSON text, byte for byte; null: none was given. */
  readonly schema: string | null;
  readonly example: string | null;
}

/** @param text the server's answer */
export function readEventType(text: string): WrittenEventType {
  const reading = readJson(text, { maxDepth: MAX_DEPTH + 1, verbatim: ['schema', 'example'] });
  if (!reading.ok) throw new TypeError(`an event type that is no JSON: ${reading.error.message}`);
  const own = (field: string) => {
    const span = reading.spans.get(field);
    const value = span === undefined ? 'null' : text.slice(...span);
    return value === 'null' ? null : value;
  };
  return { ...(reading.value as EventTypeDetailView), schema: own('schema'), example: own('example') };
}
