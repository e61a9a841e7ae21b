/** What became of the signature check of a request, in words. */
import type { InboxRequestView } from '@posthorn/contract';
import type { Tone } from '../../words/deliveries.ts';

const WORDS: Readonly<Record<string, string>> = {
  valid: 'Valid',
  missing_header: 'There is no such header',
  bad_signature: 'It was made with another secret, or the body was changed',
  bad_timestamp: 'Its timestamp is not a time, or more than 5 minutes away',
  no_secret: 'No endpoint sends here, so there is no secret to check with',
};

export function verdictWords(verdict: string): string {
  return WORDS[verdict] ?? verdict.replaceAll('_', ' ');
}

export function verdictTone(verdict: string): Tone {
  return verdict === 'valid' ? 'good' : 'bad';
}

export function overallVerdict({ signature }: InboxRequestView): { readonly words: string; readonly tone: Tone } {
  const valid = [signature.x_signature, signature.standard].filter((verdict) => verdict === 'valid').length;
  if (valid === 2) return { words: 'Signature valid', tone: 'good' };
  if (valid === 1) return { words: 'One of two signatures valid', tone: 'warn' };
  return { words: 'Signature not valid', tone: 'bad' };
}
