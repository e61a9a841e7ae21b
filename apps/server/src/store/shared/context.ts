/** What the recipes work with, and what an engine has to bring. */
import type { Cipher } from '../cipher.ts';
import type { Actor, Environment, StoreHint } from '../store.ts';
import type { Recipe } from './recipe.ts';

export interface SharedContext {
  /** Runs a recipe as one transaction; it is on disk when this resolves. Whatever it throws rolls it back. One such transaction runs at a time. */
  transaction<T>(recipe: () => Recipe<T>): Promise<T>;
  /** Runs a recipe that only reads, or writes with one statement. */
  read<T>(recipe: () => Recipe<T>): Promise<T>;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly cipher: Cipher;
  /** In whose name changes are made; null: nobody's, and the audit log does not hear of them. */
  readonly actor: Actor | null;
  /** Tells the subscribers that something changed. Call it only after the commit. */
  readonly hint: (...hints: readonly StoreHint[]) => void;
  readonly lanes: LaneRecipes;
  /** Cancels in steps what waits for a deleted endpoint. */
  cancelDeleted(lane: number, reason: 'endpoint_deleted' | 'application_deleted'): Promise<void>;
}

/** By pk, but for an environment. */
export type LanesOf = { readonly endpoint: number } | { readonly application: number } | { readonly environment: Environment };

/** Lanes belong to the hot half of the store, which each engine has for itself. `endpoint`: its pk, which is its lane's too. */
export interface LaneRecipes {
  add(lane: {
    readonly endpoint: number;
    readonly application: number;
    readonly group: string;
    readonly enabled: boolean;
  }): Recipe<unknown>;
  /** Before endpoints are changed: nobody leases, settles or changes its lanes until the end of the transaction. */
  lock(of: LanesOf): Recipe<unknown>;
  /** The same before a deletion; nobody publishes into them either. Afterwards they take no more. */
  close(of: LanesOf): Recipe<unknown>;
  /** Where an application's events go is another from now on. @param application its pk */
  targetsChanged(application: number): Recipe<unknown>;
  /** How much waits. */
  pending(endpoint: number): Recipe<number>;
}
