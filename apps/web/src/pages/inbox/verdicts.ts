/** What became of the signature check of a request, in words. */
import type { InboxRequest, SignatureVerdict } from '../../api/views.ts';
import type { Tone } from '../../words/deliveries.ts';

const WORDS: Readonly<Record<string, string>> = {
  valid: 'Valid',
  missing_header: 'There is no such header',
  malformed_header: 'The header cannot be read',
  bad_signature: 'It was made with another secret, or the body was changed',
  timestamp_too_old: 'Its timestamp is too old',
  timestamp_too_new: 'Its timestamp lies in the future',
  no_secret: 'No endpoint sends here, so there is no secret to check with',
};

export function verdictWords(verdict: SignatureVerdict): string {
  return WORDS[verdict] ?? verdict.replaceAll('_', ' ');
}

export function verdictTone(verdict: SignatureVerdict): Tone {
  return verdict === 'valid' ? 'good' : 'bad';
}

export function overallVerdict({ signature }: InboxRequest): { readonly words: string; readonly tone: Tone } {
  const valid = [signature.x_signature, signature.standard].filter((verdict) => verdict === 'valid').length;
  if (valid === 2) return { words: 'Signature valid', tone: 'good' };
  if (valid === 1) return { words: 'One of two signatures valid', tone: 'warn' };
  return { words: 'Signature not valid', tone: 'bad' };
}
