/** What the form of a cadence holds: its parts as people type them. */
import { capitalised } from '../../words/capitalised.ts';

export const UNITS = ['s', 'm', 'h', 'd'] as const;
export type Unit = (typeof UNITS)[number];

export interface CadenceDraft {
  readonly kind: 'immediate' | 'every' | 'cron';
  /** How many of the unit, as typed. */
  readonly count: string;
  readonly unit: Unit;
  readonly expression: string;
  /** An IANA name. */
  readonly timeZone: string;
}

/** @param cadence as the server gives it; @param ownZone the reader's time zone, for a schedule that is yet to be written */
export function draftOf(cadence: string, ownZone: string): CadenceDraft {
  const empty: CadenceDraft = { kind: 'immediate', count: '30', unit: 'm', expression: '0 9 * * MON-FRI', timeZone: ownZone };
  const [, count, unit] = /^every (\d+)([smhd])$/.exec(cadence) ?? [];
  if (count !== undefined) return { ...empty, kind: 'every', count, unit: unit as Unit };
  const [, expression, timeZone] = /^cron (.+) (\S+)$/.exec(cadence) ?? [];
  if (expression !== undefined && timeZone !== undefined) return { ...empty, kind: 'cron', expression, timeZone };
  return empty;
}

/** The field of the draft that a message is about. */
export type DraftProblem = Readonly<Partial<Record<'count' | 'expression' | 'timeZone', string>>>;

/** The draft as the server takes it, or what is to be mended before it is asked. */
export function readDraft(draft: CadenceDraft): { readonly cadence: string } | { readonly problem: DraftProblem } {
  switch (draft.kind) {
    case 'immediate':
      return { cadence: 'immediate' };
    case 'every':
      return /^[1-9]\d{0,9}$/.test(draft.count.trim())
        ? { cadence: `every ${draft.count.trim()}${draft.unit}` }
        : { problem: { count: 'A whole number from 1 on.' } };
    case 'cron': {
      const expression = draft.expression.trim();
      const timeZone = draft.timeZone.trim();
      if (expression === '') return { problem: { expression: 'Five fields, such as 0 9 * * MON-FRI.' } };
      if (!isTimeZone(timeZone)) return { problem: { timeZone: 'No time zone has this name. Try Europe/Berlin, or UTC.' } };
      return { cadence: `cron ${expression} ${timeZone}` };
    }
  }
}

/** Offsets such as +01:00 are no zones: they know no summer. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** Where the server's message about a draft belongs. */
export function problemOf(draft: CadenceDraft, message: string): DraftProblem {
  const sentence = `${capitalised(message)}.`;
  if (draft.kind === 'every') return { count: sentence };
  return /time zone/.test(message) && !/expression/.test(message) ? { timeZone: sentence } : { expression: sentence };
}

/** The zone of a schedule that is not the reader's own; null where there is none to tell of. */
export function foreignZone(cadence: string, ownZone: string): string | null {
  const zone = cadence.startsWith('cron ') ? (cadence.split(' ').at(-1) ?? null) : null;
  return zone === ownZone ? null : zone;
}
