/** What the form holds: an endpoint's settings as people type them. */
import type { EndpointCreate, EndpointView } from '@posthorn/contract';

export interface Draft {
  readonly url: string;
  readonly description: string;
  /** Null: all types. */
  readonly eventTypes: readonly string[] | null;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly ordering: EndpointView['ordering'];
  /** Seconds, as typed: `5, 300, 1800`. Empty: the default. */
  readonly retrySchedule: string;
  /** Empty: one is generated. */
  readonly secret: string;
}

export const EMPTY_DRAFT: Draft = {
  url: '',
  description: '',
  eventTypes: null,
  headers: [],
  ordering: 'key',
  retrySchedule: '',
  secret: '',
};

export function draftOf(endpoint: EndpointView): Draft {
  return {
    url: endpoint.url,
    description: endpoint.description,
    eventTypes: endpoint.event_types.length === 0 ? null : endpoint.event_types,
    headers: Object.entries(endpoint.headers).map(([name, value]) => ({ name, value })),
    ordering: endpoint.ordering,
    retrySchedule: endpoint.retry_schedule?.join(', ') ?? '',
    secret: '',
  };
}

type Settings = Omit<EndpointCreate, 'application' | 'secret' | 'cadence' | 'rate_limit' | 'max_in_flight'>;

/** The settings for the API; a message for people by field where something cannot be read. */
export function readDraft(draft: Draft): { readonly settings: Settings } | { readonly errors: Readonly<Record<string, string>> } {
  const errors: Record<string, string> = {};
  if (draft.url.trim() === '') errors['url'] = 'Type the URL that is to receive your events.';
  if (draft.eventTypes?.length === 0) errors['event_types'] = 'Choose at least one type, or all.';
  const schedule = readSchedule(draft.retrySchedule);
  if (typeof schedule === 'string') errors['retry_schedule'] = schedule;
  const headers = draft.headers.filter(({ name, value }) => name.trim() !== '' || value !== '');
  if (headers.some(({ name }) => name.trim() === '')) errors['headers'] = 'Give each header a name.';
  if (Object.keys(errors).length > 0 || typeof schedule === 'string') return { errors };
  return {
    settings: {
      url: draft.url.trim(),
      description: draft.description.trim(),
      event_types: [...(draft.eventTypes ?? [])],
      headers: Object.fromEntries(headers.map(({ name, value }) => [name.trim(), value])),
      ordering: draft.ordering,
      retry_schedule: schedule,
    },
  };
}

function readSchedule(text: string): number[] | null | string {
  const words = text.split(/[\s,;]+/).filter((word) => word !== '');
  if (words.length === 0) return null;
  const seconds = words.map(Number);
  return seconds.every((second) => Number.isInteger(second) && second >= 1)
    ? seconds
    : 'Whole seconds with commas between them, such as 5, 300, 1800.';
}

export function sameDraft(a: Draft, b: Draft): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
