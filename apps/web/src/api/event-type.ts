/** An event type whose schema and example stay the texts that they are. Apart from the other queries: the reader of JSON is no part of a first load. */
import type { EventTypeDetailView } from '@posthorn/contract';
import { readJson } from '@posthorn/core/json';
import { queryOptions } from '@tanstack/react-query';
import { callForText, type Scope } from './client.ts';
import { scopeKey } from './queries.ts';

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

/** One type as it was put, to the byte, with how many endpoints name it. */
export const eventTypeQuery = (scope: Scope, name: string) =>
  queryOptions({
    queryKey: [...scopeKey(scope), 'event-type', name],
    queryFn: async ({ signal }) => readEventType(await callForText('GET /v1/event-types/{name}', { scope, signal, path: { name } })),
    gcTime: 0,
  });
