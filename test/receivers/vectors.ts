/** The signature vectors that all languages share. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RECEIVERS } from './languages.ts';

export interface VectorCase {
  readonly name: string;
  readonly secret: string;
  readonly secrets?: readonly string[];
  readonly body_base64: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly x_signature: string;
}

export const VECTORS: readonly VectorCase[] = JSON.parse(readFileSync(join(RECEIVERS, 'vectors/signatures.json'), 'utf8')).cases;
