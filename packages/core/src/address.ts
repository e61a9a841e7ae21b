/**
 * Which addresses a request may go to. Only global unicast is public; all else needs the operator's word (the allow
 * list). IPv6 forms that carry an IPv4 address (mapped, compatible, 6to4, Teredo, NAT64, ISATAP) are special whatever
 * they carry: nobody's webhook needs them, and each is a way to spell 127.0.0.1.
 */
import ipaddr from 'ipaddr.js';

// The package is CommonJS, so its classes are not importable by name.
const { IPv4, IPv6 } = ipaddr;
type Address = ipaddr.IPv4 | ipaddr.IPv6;

export type AddressClass = { readonly kind: 'public' } | { readonly kind: 'special'; readonly range: string };

/** An address or a CIDR range that the operator has allowed. */
export interface AllowedRange {
  readonly network: Address;
  readonly prefixLength: number;
}

export type AllowList = readonly AllowedRange[];

const PUBLIC: AddressClass = { kind: 'public' };

/**
 * Classifies the text of one IP address as the resolver or a parsed URL gives it: dotted decimal, or IPv6 without
 * brackets and zone. `range` names what it is instead of public (`loopback`, `private`, `linkLocal`, …).
 * Any other spelling (0x7f.1, 010.0.0.1, 2130706433, fe80::1%eth0) is special, `malformed`: readers disagree on what
 * it means, so it must not reach one.
 */
export function classifyAddress(ip: string): AddressClass {
  const address = readAddress(ip);
  if (address === null) return special('malformed');
  const range = address.range();
  if (range !== 'unicast') return special(range);
  return address instanceof IPv6 ? classifyUnicast6(address) : PUBLIC;
}

/**
 * Reads addresses and CIDR ranges, separated by commas; an empty text is an empty list. Ranges must be canonical
 * (10.0.0.0/8, not 10.1.2.3/8), since a range that reads otherwise than it acts is how too much gets allowed.
 */
export function parseAllowList(
  text: string,
): { readonly ok: true; readonly list: AllowList } | { readonly ok: false; readonly message: string } {
  if (text.trim() === '') return { ok: true, list: [] };
  const list: AllowedRange[] = [];
  for (const entry of text.split(',')) {
    const range = parseRange(entry.trim());
    if (typeof range === 'string') return { ok: false, message: range };
    list.push(range);
  }
  return { ok: true, list };
}

/** Whether a request may go to this address: it is public or in the list. An IPv4-mapped IPv6 address is looked up as its IPv4. */
export function isAllowedAddress(ip: string, list: AllowList): boolean {
  return classifyAddress(ip).kind === 'public' || isListedAddress(ip, list);
}

/** Whether the address is in the list itself, public or not (such addresses may be http in production too). */
export function isListedAddress(ip: string, list: AllowList): boolean {
  const read = readAddress(ip);
  if (read === null) return false;
  const address = read instanceof IPv6 && read.isIPv4MappedAddress() ? read.toIPv4Address() : read;
  return list.some(({ network, prefixLength }) => address.kind() === network.kind() && address.match(network, prefixLength));
}

/** 2000::/3 is all the global unicast space that is given out; within it, two things that ipaddr.js does not know. */
function classifyUnicast6(address: ipaddr.IPv6): AddressClass {
  const [first = 0, , , , fifth = 0, sixth] = address.parts;
  if (first >> 13 !== 1) return special('unassigned');
  // ISATAP (RFC 5214): any prefix, then 0:5efe or 200:5efe, then an IPv4 address.
  if ((fifth & 0xfdff) === 0 && sixth === 0x5efe) return special('isatap');
  return PUBLIC;
}

/**
 * An address in its plain spelling, null for any other. ipaddr.js by itself also reads octal, hexadecimal and short
 * IPv4, and takes `::127.0.0.1` for the mapped form.
 */
function readAddress(text: string): Address | null {
  if (IPv4.isValidFourPartDecimal(text)) return IPv4.parse(text);
  if (text.includes('%') || !IPv6.isValid(text)) return null;
  const tail = text.slice(text.lastIndexOf(':') + 1);
  if (tail.includes('.') && (!IPv4.isValidFourPartDecimal(tail) || (text.startsWith('::') && text.length === tail.length + 2))) return null;
  return IPv6.parse(text);
}

/** A range, or what is wrong with the entry. */
function parseRange(entry: string): AllowedRange | string {
  const [host = '', length, ...rest] = entry.split('/');
  const network = readAddress(host);
  if (network === null || rest.length > 0) return `"${entry}" is not an IP address or CIDR range, such as 10.0.0.0/8 or fd00::/8`;
  if (network instanceof IPv6 && network.isIPv4MappedAddress()) return `"${entry}" is an IPv4-mapped address; give the IPv4 range itself`;
  const bits = network instanceof IPv6 ? 128 : 32;
  if (length !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(length)) return `"${entry}" has no whole number after the slash`;
  const prefixLength = length === undefined ? bits : Number(length);
  if (prefixLength > bits) return `"${entry}" has a prefix longer than ${bits} bits`;
  const first = (network instanceof IPv6 ? IPv6 : IPv4).networkAddressFromCIDR(`${network}/${prefixLength}`).toString();
  if (first !== network.toString()) return `"${entry}" is not the first address of its range; write ${first}/${prefixLength}`;
  return { network, prefixLength };
}

function special(range: string): AddressClass {
  return { kind: 'special', range };
}
