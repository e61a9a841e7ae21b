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
  if (!/^\s*https?:/i.test(text)) return 'must be a complete URL that begins with https:// (or http:// in the sandbox)';
  if (/[\s\\]/.test(text)) return 'must not contain spaces or backslashes: percent-encode them';
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null;
  if (url === null) return 'must be a complete URL that begins with https:// (or http:// in the sandbox)';
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password: set a header for that';
  if (text.includes('#')) return 'must not contain a fragment (#…): it would never be sent';
  const address = literalAddress(url.hostname);
  if (address !== null && !isAllowedAddress(address, rule.allowList)) return blocked(address);
  const listed = address !== null && isListedAddress(address, rule.allowList);
  if (url.protocol === 'http:' && rule.environment === 'production' && !listed) return 'must be https in production';
  return null;
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
