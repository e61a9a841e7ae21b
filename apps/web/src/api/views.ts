/** What the server's routes for people, jobs and statistics answer. */
import type { RoleName } from '@posthorn/contract';

export type Environment = 'production' | 'sandbox';
export type Role = RoleName;

export interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}
