/**
 * Which URLs an endpoint may have (CONTRACT §2). Names are not looked up here: where a name leads may change with every
 * request, so the sender checks the address it connects to. What can be told from the URL alone is told at once.
 */
import { type AllowList, classifyAddress, isAllowedAddress, isListedAddress } from '@posthorn/core';
import { inboxToken } from '../inbox/inbox.ts';
import type { Environment } from '../store/store.ts';

export interface UrlRule {
  readonly environment: Environment;
  readonly allowList: AllowList;
  /** This server's own address, without a slash at the end: its inboxes are reached without a request. */
  readonly baseUrl: () => string;
}

/** @returns what is wrong with the URL, for people; null: nothing */
export function urlProblem(text: string, rule: UrlRule): string | null {
  if (inboxToken(text, rule.baseUrl()) !== null) {
    return rule.environment === 'sandbox' ? null : 'is an inbox, and those are for the sandbox';
  }
  if (!/^\s*https?:/i.test(text)) return INCOMPLETE;
  if (/[\s\\]/.test(text)) {
    // In a path they can be meant; anywhere before it they are a slip.
    const inPath = /^https?:\/\/[^\s\\/?#]+[/?#]/i.test(text) && text === text.trim();
    return `must not contain spaces or backslashes${inPath ? ': percent-encode them' : ''}`;
  }
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null;
  if (url === null) return unreadable(text);
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password: set a header for that';
  if (text.includes('#')) return 'must not contain a fragment (#…): it would never be sent';
  const address = literalAddress(url.hostname);
  if (address !== null && !isAllowedAddress(address, rule.allowList)) return blocked(address);
  const listed = address !== null && isListedAddress(address, rule.allowList);
  if (url.protocol === 'http:' && rule.environment === 'production' && !listed) return 'must be https in production';
  return null;
}

const INCOMPLETE = 'must be a complete URL that begins with https:// (or http:// in the sandbox)';

/** What the URL parser does not say. */
function unreadable(text: string): string {
  const [, authority = ''] = /^https?:\/\/([^/?#]*)/i.exec(text) ?? [];
  if (authority === '') return INCOMPLETE;
  const [, port = ''] = /:([^:\]]*)$/.exec(authority) ?? [];
  if (port !== '' && !(/^\d+$/.test(port) && Number(port) <= 65_535)) return `has the port ${port}: a port is a number up to 65535`;
  return `has a host that does not do: ${authority}`;
}

/** The address that a host is, or always leads to; null: a name. The URL parser has turned 0x7f.1 and its like into 127.0.0.1. */
function literalAddress(host: string): string | null {
  if (host.startsWith('[')) return host.slice(1, -1);
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return host;
  // RFC 6761, section 6.3.
  return /(?:^|\.)localhost\.?$/.test(host) ? '127.0.0.1' : null;
}

function blocked(address: string): string {
  const found = classifyAddress(address);
  const range = found.kind === 'special' ? ` (${found.range})` : '';
  return `leads to ${address}, which is not a public address${range}. The operator can allow such addresses with POSTHORN_ALLOW_ADDRESSES`;
}
