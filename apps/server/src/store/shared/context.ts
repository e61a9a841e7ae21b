/** What the recipes work with, and what an engine has to bring. */
import type { Cipher } from '../cipher.ts';
import type { Actor, Environment, StoreHint } from '../store.ts';
import type { Deletions } from './deletions.ts';
import type { JobRecipes } from './jobs.ts';
import type { Recipe } from './recipe.ts';
import type { UnfoldedRecipes } from './stats.ts';

export interface SharedContext {
  /** Runs a recipe as one transaction; it is on disk when this resolves. Whatever it throws rolls it back. One such transaction runs at a time. */
  transaction<T>(recipe: () => Recipe<T>): Promise<T>;
  /**
   * The same for what need not be alone, and is done again where a power loss undoes it: a step of long work. It takes the locks that it needs by itself.
   */
  step<T>(recipe: () => Recipe<T>): Promise<T>;
  /** Runs a recipe that only reads, or writes with one statement. */
  read<T>(recipe: () => Recipe<T>): Promise<T>;
  /** Runs a recipe that only reads; all of its statements see the same moment. */
  snapshot<T>(recipe: () => Recipe<T>): Promise<T>;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly cipher: Cipher;
  /** In whose name changes are made; null: nobody's, and the audit log does not hear of them. */
  readonly actor: Actor | null;
  /** Tells the subscribers that something changed. Call it only after the commit. */
  readonly hint: (...hints: readonly StoreHint[]) => void;
  readonly lanes: LaneRecipes;
  readonly jobs: JobRecipes;
  readonly counts: UnfoldedRecipes;
  readonly deletions: Deletions;
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
