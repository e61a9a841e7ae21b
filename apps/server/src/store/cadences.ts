/** Cadences as the store keeps them: canonical text, parsed once. */
import { type Cadence, nextTick, parseCadence } from '@posthorn/core';

const parsed = new Map<string, Cadence>();
/** Far more than any installation has; a bound all the same. */
const MOST = 10_000;

/** The cadence of a stored text. Only checked texts are stored, so one that does not parse is a fault of ours. */
export function storedCadence(text: string): Cadence {
  let cadence = parsed.get(text);
  if (cadence === undefined) {
    const result = parseCadence(text);
    if (!result.ok) throw new TypeError(`stored cadence ${JSON.stringify(text)}: ${result.message}`);
    if (parsed.size >= MOST) parsed.clear();
    cadence = result.cadence;
    parsed.set(text, cadence);
  }
  return cadence;
}

/** The first tick of a stored cadence at or after `at`. */
export function tickAfter(text: string, at: number): number {
  return nextTick(storedCadence(text), at);
}
