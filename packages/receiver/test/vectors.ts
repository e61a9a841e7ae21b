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

/** Whether a body is an event of Posthorn's, as the kits want it. */
export function isEvent(body: Uint8Array): boolean {
  try {
    const fields: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    if (typeof fields !== 'object' || fields === null) return false;
    return ['id', 'type', 'timestamp', 'environment', 'data'].every((name) => name in fields);
  } catch {
    return false;
  }
}
