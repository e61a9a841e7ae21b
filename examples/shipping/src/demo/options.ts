import { parseArgs } from 'node:util';

export const sabotages = ['drop', 'reorder', 'tamper', 'wrong-secret'] as const;

/** What is done to the traffic between Posthorn and the receiver, to show that the comparison at the end sees it. */
export type Sabotage = (typeof sabotages)[number];

export interface DemoOptions {
  /** When Posthorn's sandbox sends, in Posthorn's own words. */
  readonly cadence: string;
  /** How long the shipments' lives take. */
  readonly walkMs: number;
  readonly sabotage: Sabotage | null;
}

export type ReadOptions =
  | { readonly kind: 'run'; readonly options: DemoOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'error'; readonly message: string };

export const usage = `npm run demo -- [options]

Starts Posthorn, a shipments API and a webhook receiver, walks four shipments through their lives, and compares what the receiver
verified with the shipments' database. Exits 0 if they agree, 1 if not.

  --cadence <cadence>   when Posthorn sends: "every 5s" (default), "every 1s", "immediate", "cron ..."
  --walk <seconds>      how long the shipments' lives take: 24 (default)
  --sabotage <what>     meddle with the traffic, so that it must exit 1:
                          drop          swallow one webhook, answering 200
                          reorder       hand one over after the next of its shipment
                          tamper        change one byte
                          wrong-secret  give the receiver another secret
  --help                this text
`;

export function readOptions(args: readonly string[]): ReadOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        cadence: { type: 'string', default: 'every 5s' },
        walk: { type: 'string', default: '24' },
        sabotage: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    const walkMs = Number(values.walk) * 1000;
    if (values.walk.trim() === '' || !(walkMs >= 0 && walkMs <= 600_000)) {
      return { kind: 'error', message: `--walk takes seconds, 0 to 600, not "${values.walk}".` };
    }
    const sabotage = sabotages.find((known) => known === values.sabotage) ?? null;
    if (values.sabotage !== undefined && sabotage === null) {
      return { kind: 'error', message: `--sabotage takes one of ${sabotages.join(', ')}, not "${values.sabotage}".` };
    }
    return { kind: 'run', options: { cadence: values.cadence, walkMs, sabotage } };
  } catch (error) {
    return { kind: 'error', message: error instanceof Error ? error.message : String(error) };
  }
}
