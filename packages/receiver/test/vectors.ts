/** The signature vectors that the kits of all languages share. */

import { readFileSync } from 'node:fs';

export interface VectorCase {
  readonly name: string;
  readonly secret: string;
  readonly secrets?: readonly string[];
  readonly body_base64: string;
  /** Unix seconds */
  readonly now: number;
  readonly headers: Readonly<Record<string, string>>;
  /** `valid`, or the code of the refusal */
  readonly x_signature: string;
  readonly standard: string;
}

export const vectorsFile = new URL('../../../receivers/vectors/signatures.json', import.meta.url);

const file: { readonly cases: readonly VectorCase[] } = JSON.parse(readFileSync(vectorsFile, 'utf8'));
export const vectors = file.cases;
