/** Who changed what. */
import type { ApplicationId, AuditEntryId } from '@posthorn/core';
import type { Environment, Page, PageRequest } from './basics.ts';

/** Whoever makes a change. `name` is what people know it by. */
export interface Actor {
  readonly kind: 'person' | 'key' | 'system';
  readonly id: string | null;
  readonly name: string;
}

/** By field, as the API names it. Never a secret: of those, only that they changed. */
export type FieldChanges = Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;

export interface AuditEntry {
  readonly id: AuditEntryId;
  readonly at: number;
  readonly actor: Actor;
  /** `endpoint.update` and the like: see audit.ts. */
  readonly action: string;
  readonly target: { readonly kind: string; readonly id: string };
  readonly changes: FieldChanges;
  /** Null: the change was to both. */
  readonly environment: Environment | null;
}

export interface AuditStore {
  /** What changed in one application (null: anywhere), in this environment or in both at once. */
  list(environment: Environment, filter: { readonly application: ApplicationId | null } & PageRequest): Promise<Page<AuditEntry>>;
}
