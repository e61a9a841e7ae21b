/** What better-auth says was wrong, in our words. */
import type { Acted } from '../accounts/accounts.ts';
import { Problem } from './problems.ts';

type Refused = Extract<Acted, { readonly ok: false }>;

export function problemOfAccounts({ status, code, retryAfter }: Refused): Problem {
  if (status === 429) return tooManyTries(retryAfter ?? 60);
  switch (code) {
    case 'INVALID_EMAIL_OR_PASSWORD':
      return new Problem('invalid_credentials', 'No account has this e-mail address with this password.');
    case 'USER_ALREADY_EXISTS':
    case 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL':
      return new Problem('email_taken', 'There is an account with this e-mail address already: sign in.', {
        errors: [{ path: 'email', message: 'has an account already' }],
      });
    case 'EMAIL_NOT_VERIFIED':
      return new Problem('email_unverified', 'We have sent another link to this address. Open it to go on.');
    case 'INVALID_EMAIL':
      return Problem.field('email', 'is not an e-mail address');
    case 'INVALID_PASSWORD':
      return Problem.field('current_password', 'is not the password of this account');
    case 'INVALID_TOKEN':
    case 'TOKEN_EXPIRED':
    case 'USER_NOT_FOUND':
      return linkOver();
    default:
      return new Problem('internal_error', 'The request failed for a reason of ours, which is in our log. Try again later.', {
        cause: new Error(`better-auth answered ${status} ${code}`),
      });
  }
}

export function tooManyTries(seconds: number): Problem {
  return new Problem('too_many_requests', `This was tried too often. Try again in ${seconds} s.`, {
    headers: { 'Retry-After': String(seconds) },
  });
}

export function linkOver(): Problem {
  return new Problem('link_over', 'Links work once, and for a limited time. Ask for a new one.');
}
