import type { Page, PageRequest } from '../store/store.ts';

/** `limit` has its default from the schema. */
export function pageRequest(query: { readonly limit?: number; readonly cursor?: string }): PageRequest {
  return { limit: query.limit ?? 20, cursor: query.cursor ?? null };
}

export function pageView<T, V>(page: Page<T>, view: (item: T) => V): { data: V[]; next_cursor: string | null } {
  return { data: page.data.map((item) => view(item)), next_cursor: page.nextCursor };
}
