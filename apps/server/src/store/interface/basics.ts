/** What all parts of the store share: environments, pages of lists, and a database that does not work. */

export const ENVIRONMENTS = ['production', 'sandbox'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** The database did not do what it was asked to: nothing of the call took effect, or it is in doubt. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** A page of a list, newest first. `nextCursor` is opaque; null on the last page. */
export interface Page<T> {
  readonly data: T[];
  readonly nextCursor: string | null;
}

/** `cursor` is a `nextCursor` of the same list. A cursor that is not one gives `InvalidCursor`. */
export interface PageRequest {
  readonly limit: number;
  readonly cursor: string | null;
}

export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
}
