/** What to mend after a failed attempt: one or two sentences for whoever runs the endpoint (CONTRACT §1). */
import type { AttemptErrorCode } from './outcome.ts';

export interface FailedAttempt {
  readonly code: AttemptErrorCode;
  /** The answer's status, where one came. */
  readonly status?: number | null;
  /** The scheme of the endpoint's URL: what to try differs a little. */
  readonly scheme?: 'http' | 'https';
}

const BY_STATUS: Readonly<Record<number, string>> = {
  400: 'Your endpoint could not read the request. Check that it takes the raw JSON body as it comes, and look into its log for what it missed.',
  401: 'Your endpoint did not accept the request as genuine. Is it the right secret? Compare the one your server checks with against this endpoint’s; it must also take the body as raw bytes, and ask for no login.',
  403: 'Your endpoint refused the request. Is it the right secret? If the signature is fine, look for a firewall, a bot filter or CSRF protection in front of it, and except this path.',
  404: 'There is nothing at this URL. Check the path for typing errors, and that the version of your app with the webhook route is deployed.',
  405: 'This URL exists but does not accept POST. Webhooks are sent as POST requests: add a POST route, or correct the path (a trailing slash can matter).',
  406: 'Your endpoint would not answer in the form it was asked for. Let it answer with an empty 200; nobody reads the body of its answer.',
  407: 'A proxy in front of your endpoint asks for a login. Let webhooks reach this URL without one.',
  408: 'Your server gave up waiting for the request. Check its timeouts, and those of a proxy in front of it.',
  409: 'Your endpoint reported a conflict. If it has this event already, answer 200: the same event may come more than once.',
  410: 'Your endpoint said that it is gone for good: a delivery that is answered so disables it. Correct the URL or the server’s answer, then enable it again if it is disabled.',
  411: 'Your endpoint wants a Content-Length header, which is sent. Check the proxy in front of it.',
  413: 'Your server finds the request too large. Raise its limit on request bodies, and that of a proxy in front of it, to 1 MB.',
  414: 'Your server finds the URL too long. Set a shorter one.',
  415: 'Your endpoint does not take this content type. Let it accept application/json.',
  421: 'Your server does not serve this host name. Check the URL’s host and the server’s virtual hosts.',
  422: 'Your endpoint could read the request but did not like its content. Let it ignore event types and fields it does not know.',
  426: 'Your server asks for another protocol. Let it take HTTP/1.1, or set the https URL.',
  429: 'Your server asks for fewer requests. Raise its limit for this path, or have a rate limit set for this endpoint.',
  431: 'Your server finds the request’s headers too large. Remove some of the endpoint’s own headers, or raise the limit.',
  451: 'Your endpoint is blocked for legal reasons. Ask whoever hosts it, or set another URL.',
  500: 'Your endpoint had an error of its own. Its log, at the time of this attempt, says which.',
  501: 'Your server does not know how to handle this request. Add a route that accepts POST.',
  502: 'A proxy in front of your endpoint got no valid answer from your app. Check that the app runs and listens where the proxy expects it.',
  503: 'Your endpoint is not available now: overloaded, in maintenance, or still starting. If that lasts, look into its log and its load.',
  504: 'A proxy in front of your endpoint waited too long for your app. Answer 200 first, and do the work afterwards.',
  521: 'The proxy in front of your endpoint could not reach your server. Check that it runs and lets the proxy in.',
  522: 'The proxy in front of your endpoint could not connect to your server in time. Check that it runs and lets the proxy in.',
  525: 'The proxy in front of your endpoint could not make a TLS connection to your server. Check your server’s certificate.',
};

const REDIRECT = 'Redirects are not followed. Set the endpoint’s URL to the final address';

/** A sentence or two that say what to mend. Every code and every status has some. */
export function adviceFor(attempt: FailedAttempt): string {
  switch (attempt.code) {
    case 'dns_failure':
      return 'The host name of the URL could not be resolved. Check it for typing errors, and that its DNS records are public.';
    case 'address_blocked':
      return 'The URL leads to an address that is not public, such as a private or loopback one. Set a URL that can be reached from the internet; to try things out on your own machine, use a tunnel.';
    case 'connect_refused':
      return 'Nothing listens at this host and port. Check that your server runs, and that the URL’s port is right.';
    case 'connect_timeout':
      return 'No connection came about. Check that your server runs, and that no firewall drops requests from outside.';
    case 'connection_reset':
      return `The connection was closed before an answer came. Look into your server’s log for a crash at this time${attempt.scheme === 'http' ? '; if the server speaks only TLS, set the https URL' : ', and check the limits of a proxy in front of it'}.`;
    case 'tls_error':
      return 'The TLS connection could not be made. Check that the certificate is valid for this host name, has not expired, comes with its intermediate certificates, and is from a public authority.';
    case 'timeout':
      return 'No answer came within 30 seconds. Answer 200 as soon as the event is stored, and do the work afterwards.';
    case 'invalid_response':
      return `What came back was not a valid HTTP answer. Check that the port is that of a web server${attempt.scheme === 'http' ? ', and that it does not expect https' : ''}.`;
    case 'response_too_large':
      return 'The headers of the answer were too large. Answer with a plain 200, without cookies or other long headers.';
    case 'redirect':
      return redirectAdvice(attempt.status ?? null, attempt.scheme);
    case 'http_status':
      return statusAdvice(attempt.status ?? null, attempt.scheme);
  }
}

function redirectAdvice(status: number | null, scheme: 'http' | 'https' | undefined): string {
  if (status === 304) return 'Your endpoint answered 304 (not modified), which means nothing for a POST. Let it answer 200.';
  if (status === 302 || status === 303) {
    return `${REDIRECT}; if it is a login page that this one leads to, let webhooks reach the URL without a login.`;
  }
  return `${REDIRECT}: the one in the answer’s Location header${scheme === 'http' ? ', often the same with https' : ''}.`;
}

function statusAdvice(status: number | null, scheme: 'http' | 'https' | undefined): string {
  if (status === null) return 'Your endpoint did not accept the event. Let it answer with a status from 200 to 299.';
  const known = BY_STATUS[status];
  if (known !== undefined) return known;
  if (status >= 500)
    return `Your server or a proxy in front of it had an error (status ${status}). Its log, at the time of this attempt, says which.`;
  if (status >= 400)
    return `Your endpoint refused the request with status ${status}. Its log should say why; any status from 200 to 299 accepts an event.`;
  if (status >= 300) return redirectAdvice(status, scheme);
  return `Your endpoint answered with status ${status}, which accepts nothing. Let it answer with a status from 200 to 299.`;
}
