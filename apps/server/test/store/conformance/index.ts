/** The suite that every engine has to pass: the same promises, whatever the database. */
import { describe } from 'vitest';
import type { OpenStore } from './harness.ts';
import { lanesConformance } from './lanes.ts';
import { publishConformance } from './publish.ts';

export function storeConformance(name: string, open: OpenStore): void {
  describe(name, () => {
    publishConformance(open);
    lanesConformance(open);
  });
}
