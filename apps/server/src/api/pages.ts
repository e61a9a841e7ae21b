/** Pages over HTTP. A cursor belongs to one list with its filters: elsewhere it is refused, instead of giving a page from somewhere. */
import { createHash } from 'node:crypto';
import { InvalidCursor, type Page, type PageRequest } from '../store/store.ts';

/** What of a request makes its list: the route and the query. */
interface ListRequest {
  readonly routeOptions: { readonly url?: string | undefined };
  readonly query: { readonly limit?: number; readonly cursor?: string };
}

const MARK_LENGTH = 8;

/** `limit` has its default from the schema. @throws {InvalidCursor} for a cursor of another list, or of other filters */
export function pageRequest(request: ListRequest): PageRequest {
  const { limit = 20, cursor = null } = request.query;
  if (cursor === null) return { limit, cursor };
  if (!cursor.startsWith(markOf(request))) throw new InvalidCursor('the cursor is of another list');
  return { limit, cursor: cursor.slice(MARK_LENGTH) };
}

export function pageView<T, V>(request: ListRequest, page: Page<T>, view: (item: T) => V): { data: V[]; next_cursor: string | null } {
  return {
    data: page.data.map((item) => view(item)),
    next_cursor: page.nextCursor === null ? null : markOf(request) + page.nextCursor,
  };
}

/** Eight characters that stand for a list and its filters. They keep nothing secret: they only tell lists apart. */
function markOf({ routeOptions, query }: ListRequest): string {
  const filters = Object.entries(query).filter(([name]) => name !== 'limit' && name !== 'cursor');
  const list = JSON.stringify([routeOptions.url, filters.sort(([a], [b]) => (a < b ? -1 : 1))]);
  return createHash('sha256').update(list).digest('base64url').slice(0, MARK_LENGTH);
}
