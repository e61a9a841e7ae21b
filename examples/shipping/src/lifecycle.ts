import { readFileSync } from 'node:fs';

/** Which statuses a shipment can have, and which may follow which. */
export interface Lifecycle {
  readonly statuses: readonly string[];
  /** The status of a shipment that was just booked. */
  readonly first: string;
  /** The statuses that may follow this one; none for a shipment whose journey has ended. */
  possibleAfter(status: string): readonly string[];
}

/** The sample data of this example: the life of a shipment, and two events as they look on the wire. */
export const sampleFile = new URL('../shipment-events.json', import.meta.url);

/**
 * Reads `statuses` and `transitions` from a sample file.
 *
 * @throws Error if a transition names a status that is not in `statuses`
 */
export function readLifecycle(file: URL = sampleFile): Lifecycle {
  const { statuses, transitions } = JSON.parse(readFileSync(file, 'utf8')) as {
    statuses: string[];
    transitions: Record<string, string[]>;
  };
  const first = statuses[0];
  if (first === undefined) throw new Error(`${file.pathname}: "statuses" is empty`);
  const next = new Map(Object.entries(transitions));
  for (const status of [...next.keys(), ...[...next.values()].flat()]) {
    if (!statuses.includes(status)) throw new Error(`${file.pathname}: "transitions" names "${status}", which is not in "statuses"`);
  }
  return { statuses, first, possibleAfter: (status) => next.get(status) ?? [] };
}
