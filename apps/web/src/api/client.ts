/** Calls of the server. Every failure is an ApiProblem with words for people. */
import type { ProblemDocument } from '@posthorn/contract';
import { parseExactly } from '../words/exact-json.ts';
import type { Answer, Parts, Route } from './routes.ts';
import type { Environment } from './views.ts';

/** Whose things a call is about. An operator may have no application chosen. */
export interface Scope {
  readonly application: string | null;
  readonly environment: Environment;
}

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  /** The server's stable code, or `unreachable` when there was no answer. */
  readonly code: string;
  /** By the field's path. */
  readonly fields: Readonly<Record<string, string>>;

  constructor(
    status: number,
    problem: Pick<ProblemDocument, 'detail'> & { readonly code: string; readonly errors?: ProblemDocument['errors'] },
  ) {
    super(problem.detail);
    this.status = status;
    this.code = problem.code;
    this.fields = Object.fromEntries((problem.errors ?? []).map(({ path, message }) => [path, message]));
  }
}

const UNREACHABLE = { code: 'unreachable', detail: 'The server does not answer. Check your connection, then try again.' };

/** A body that is JSON already and is sent as it stands: the digits and spaces of a schema are its author's. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Request<R extends Route> = Parts<R> & { readonly scope?: Scope | undefined; readonly signal?: AbortSignal | undefined };

/** @throws {ApiProblem} for any answer that is not 2xx, and when there is none */
export async function call<R extends Route>(route: R, request: Request<R>): Promise<Answer<R>> {
  const text = await callForText(route, request);
  // Examples and schemas of the catalogue are shown as the provider wrote them; all other numbers are the server's own.
  const parse = route.includes(' /v1/event-types') ? parseExactly : JSON.parse;
  return (text === '' ? null : parse(text)) as Answer<R>;
}

/** The same, for the answer as it was written. */
export async function callForText<R extends Route>(route: R, request: Request<R>): Promise<string> {
  const [method = 'GET', template = '/'] = route.split(' ');
  const { path, query, body, scope, signal } = request as {
    path?: Record<string, string>;
    query?: Record<string, unknown>;
    body?: unknown;
    scope?: Scope;
    signal?: AbortSignal;
  };
  const url = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path?.[name] ?? '')) + search(query ?? {});
  return send(url, {
    method,
    headers: {
      'Posthorn-Environment': scope?.environment ?? 'sandbox',
      ...(scope?.application ? { 'Posthorn-Application': scope.application } : {}),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: body instanceof JsonText ? body.text : JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function send(url: string, init: RequestInit): Promise<string> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, credentials: 'same-origin', redirect: 'error' });
    text = await response.text();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiProblem(0, UNREACHABLE);
  }
  if (response.ok) return text;
  throw new ApiProblem(response.status, problemIn(text, response.status));
}

function problemIn(text: string, status: number): ConstructorParameters<typeof ApiProblem>[1] {
  try {
    const { detail, title, code, errors } = JSON.parse(text) as Partial<ProblemDocument>;
    const words = detail ?? title;
    if (words !== undefined) return { code: code ?? 'error', detail: words, errors };
  } catch {
    // What answered is not ours: a proxy, most likely.
  }
  return { code: 'error', detail: `The server answered with status ${status} and no explanation. Try again in a moment.` };
}

function search(query: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
