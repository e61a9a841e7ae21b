/** What the form of an event type holds: texts as people type them. */
import { readJson } from '@posthorn/core/json';
import { MAX_DEPTH, type WrittenEventType } from '../../api/event-type.ts';
import { capitalised } from '../../words/capitalised.ts';
import { prettyJson } from '../../words/json.ts';

export interface EventTypeDraft {
  readonly name: string;
  readonly description: string;
  /** JSON; empty: none. */
  readonly schema: string;
  readonly example: string;
  readonly strict: boolean;
}

/** By field of the draft: what is wrong with it. */
export type DraftErrors = Readonly<Partial<Record<keyof EventTypeDraft, string>>>;

const EMPTY: EventTypeDraft = { name: '', description: '', schema: '', example: '', strict: false };

export function draftOf(type: WrittenEventType | null): EventTypeDraft {
  if (type === null) return EMPTY;
  const { name, description, strict } = type;
  return { name, description, schema: shown(type.schema), example: shown(type.example), strict };
}

/** What a program put on one line is shown with indents. */
function shown(text: string | null): string {
  if (text === null) return '';
  return text.includes('\n') ? text : prettyJson(text);
}

/** What can be known without the server. The reader of JSON is the server's own, so its words are the same, and its lines count from the field's first. */
export function draftErrors(draft: EventTypeDraft): DraftErrors {
  const errors: Partial<Record<keyof EventTypeDraft, string>> = {};
  if (draft.name.trim() === '') errors.name = 'Give it a name, such as shipment.created.';
  for (const field of ['schema', 'example'] as const) {
    const reading = draft[field].trim() === '' ? null : readJson(draft[field], { maxDepth: MAX_DEPTH - 1 });
    if (reading?.ok === false) errors[field] = `This is no JSON. ${reading.error.message}.`;
  }
  return errors;
}

/** The body for the server, with both texts as they were typed; what nobody has touched goes back as it came. */
export function bodyText(draft: EventTypeDraft, before: WrittenEventType | null): string {
  const given = (field: 'schema' | 'example') => {
    const original = before?.[field] ?? null;
    if (draft[field] === shown(original)) return original ?? 'null';
    return draft[field].trim() === '' ? 'null' : draft[field];
  };
  const { description, strict } = draft;
  return `{"description":${JSON.stringify(description.trim())},"schema":${given('schema')},"example":${given('example')},"strict":${strict}}`;
}

const MOST_SHOWN = 5;

const FIELDS = new Set(['name', 'description', 'schema', 'example', 'strict'] satisfies (keyof EventTypeDraft)[]) as ReadonlySet<string>;

/** What the server found, by the field that it is about: of `example.shipment.id` the place stays before the message. What is about no field is left out. */
export function errorsByField(found: Readonly<Record<string, string>>): DraftErrors {
  const lines = Object.entries(found).flatMap(([path, message]) => {
    const [field = ''] = /^\w+/.exec(path) ?? [];
    if (!FIELDS.has(field)) return [];
    const place = path.slice(field.length).replace(/^\./, '');
    return { field, line: `${place === '' ? capitalised(message) : `${place} ${message}`}.` };
  });
  const byField = [...Map.groupBy(lines, ({ field }) => field)];
  return Object.fromEntries(
    byField.map(([field, those]) => [
      field,
      those
        .slice(0, MOST_SHOWN)
        .map(({ line }) => line)
        .join('\n'),
    ]),
  );
}
