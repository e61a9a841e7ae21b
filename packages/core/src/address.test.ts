import { describe, expect, it, test } from 'vitest';
import { classifyAddress, isAllowedAddress, isListedAddress, parseAllowList } from './address.ts';

/** The list of a text that must be good. */
function allowing(text: string) {
  const reading = parseAllowList(text);
  if (!reading.ok) throw new Error(reading.message);
  return reading.list;
}

describe('classifyAddress', () => {
  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2606:4700:4700:0:0:0:0:1111',
    '2A00:1450:4001:0800:0000:0000:0000:200E',
    '2001:4860:4860::8888',
    '2001:200::',
    '2003::1',
    '2a00::8.8.8.8',
  ])('%s is public', (ip) => {
    expect(classifyAddress(ip)).toEqual({ kind: 'public' });
  });

  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.0.1', 'private'],
    ['169.254.169.254', 'linkLocal'],
    ['100.64.0.0', 'carrierGradeNat'],
    ['100.100.100.200', 'carrierGradeNat'],
    ['100.127.255.255', 'carrierGradeNat'],
    ['192.0.0.192', 'reserved'],
    ['192.0.2.1', 'reserved'],
    ['198.51.100.1', 'reserved'],
    ['203.0.113.1', 'reserved'],
    ['198.18.0.0', 'reserved'],
    ['198.19.255.255', 'reserved'],
    ['192.88.99.1', 'reserved'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['0:0:0:0:0:0:0:0', 'unspecified'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', 'loopback'],
    ['fe80::1', 'linkLocal'],
    ['FEBF::1', 'linkLocal'],
    ['fec0::1', 'deprecatedSiteLocal'],
    ['fc00::1', 'uniqueLocal'],
    ['fd00:ec2::254', 'uniqueLocal'],
    ['ff02::1', 'multicast'],
    ['100::1', 'discard'],
    ['100:0:0:1::1', 'unassigned'],
    ['2001:db8::1', 'reserved'],
    ['3fff::1', 'reserved'],
    ['2001:2::1', 'benchmarking'],
    ['2001:10::1', 'deprecatedOrchid'],
    ['2001:20::1', 'orchid2'],
    ['2001:1ff::1', 'reserved'],
    ['5f00::1', 'segmentRouting'],
    ['::ffff:127.0.0.1', 'ipv4Mapped'],
    ['::FFFF:7f00:1', 'ipv4Mapped'],
    ['0:0:0:0:0:ffff:10.0.0.1', 'ipv4Mapped'],
    ['::ffff:8.8.8.8', 'ipv4Mapped'],
    ['::ffff:0:127.0.0.1', 'rfc6145'],
    ['::7f00:1', 'unassigned'],
    ['::808:808', 'unassigned'],
    ['64:ff9b::127.0.0.1', 'rfc6052'],
    ['64:ff9b::7f00:1', 'rfc6052'],
    ['64:ff9b::8.8.8.8', 'rfc6052'],
    ['64:ff9b:1::10.0.0.1', 'rfc6052'],
    ['2002:7f00:1::', '6to4'],
    ['2002:808:808::1', '6to4'],
    ['2001::1', 'teredo'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'teredo'],
    ['2a00:1450::5efe:10.0.0.1', 'isatap'],
    ['2a00:1450::200:5efe:10.0.0.1', 'isatap'],
    ['4000::1', 'unassigned'],
    ['1fff::1', 'unassigned'],
    ['e000::1', 'unassigned'],
    ['200::1', 'unassigned'],
  ])('%s is special: %s', (ip, range) => {
    expect(classifyAddress(ip)).toEqual({ kind: 'special', range });
  });

  test.each([
    '',
    ' ',
    'localhost',
    'example.com',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '127.1',
    '127.0.1',
    '0177.0.0.1',
    '010.8.8.8',
    '8.8.8.08',
    '8.8.8',
    '8.8.8.8.8',
    '8.8.8.256',
    '8.8.8.8 ',
    ' 8.8.8.8',
    '8.8.8.8\n',
    '8.8.8.8/32',
    '8.8.8.8:80',
    '٨.٨.٨.٨',
    '8。8。8。8',
    '[::1]',
    '[2606:4700:4700::1111]',
    '2606:4700:4700::1111%eth0',
    'fe80::1%1',
    '::127.0.0.1',
    '::8.8.8.8',
    '::ffff:0177.0.0.1',
    '::ffff:127.1',
    '2a00::010.8.8.8',
    '2606:4700',
    '2606::4700::1111',
    '1:2:3:4:5:6:7:8:9',
    '2606:4700:4700::11111',
    '2606:4700:4700::g',
    ':::1',
  ])('%j is no address in its plain spelling', (ip) => {
    expect(classifyAddress(ip)).toEqual({ kind: 'special', range: 'malformed' });
  });
});

describe('the allow list', () => {
  const list = allowing('10.0.0.0/8, 127.0.0.1,fd00:1::/32 ,::1,192.168.7.0/31');

  test.each([
    ['10.0.0.0', true],
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['127.0.0.1', true],
    ['127.0.0.2', false],
    ['192.168.7.1', true],
    ['192.168.7.2', false],
    ['fd00:1::5', true],
    ['fd00:2::5', false],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['::', false],
    ['::ffff:10.1.2.3', true],
    ['::ffff:a01:203', true],
    ['::ffff:11.1.2.3', false],
    ['64:ff9b::10.1.2.3', false],
    ['2002:a01:203::', false],
    ['::10.1.2.3', false],
    ['0x0a.1.2.3', false],
    ['10.1', false],
  ])('%s is listed: %s', (ip, expected) => {
    expect(isListedAddress(ip, list)).toBe(expected);
    expect(isAllowedAddress(ip, list)).toBe(expected || classifyAddress(ip).kind === 'public');
  });

  it('adds to what is public', () => {
    expect(isAllowedAddress('8.8.8.8', [])).toBe(true);
    expect(isAllowedAddress('8.8.8.8', list)).toBe(true);
    expect(isAllowedAddress('::ffff:8.8.8.8', list)).toBe(false);
    expect(isAllowedAddress('10.0.0.1', [])).toBe(false);
  });

  it('keeps the families apart', () => {
    expect(isListedAddress('10.0.0.1', allowing('::/0'))).toBe(false);
    expect(isListedAddress('::ffff:10.0.0.1', allowing('::/0'))).toBe(false);
    expect(isListedAddress('::1', allowing('0.0.0.0/0'))).toBe(false);
    expect(isListedAddress('::ffff:10.0.0.1', allowing('0.0.0.0/0'))).toBe(true);
  });

  test.each(['', '  '])('%j is an empty list', (text) => {
    expect(parseAllowList(text)).toEqual({ ok: true, list: [] });
  });

  test.each([
    ['10.1.2.3/8', 'write 10.0.0.0/8'],
    ['127.0.0.1/8', 'write 127.0.0.0/8'],
    ['fd00::1/8', 'write fd00::/8'],
    ['10.0.0.0/33', 'longer than 32 bits'],
    ['fd00::/129', 'longer than 128 bits'],
    ['10.0.0.0/', 'no whole number'],
    ['10.0.0.0/08', 'no whole number'],
    ['10.0.0.0/-1', 'no whole number'],
    ['10.0.0.0/255.0.0.0', 'no whole number'],
    ['10.0.0.0/8/8', 'is not an IP address'],
    ['10.0.0.0/8,', '"" is not an IP address'],
    ['10.0.0.0/8;127.0.0.1', 'no whole number'],
    ['localhost', '"localhost" is not an IP address'],
    ['10/8', 'is not an IP address'],
    ['010.0.0.0/8', 'is not an IP address'],
    ['[::1]', 'is not an IP address'],
    ['fe80::1%eth0', 'is not an IP address'],
    ['::ffff:10.0.0.0/104', 'give the IPv4 range itself'],
    ['*', 'is not an IP address'],
  ])('refuses %j', (text, message) => {
    expect(parseAllowList(text)).toEqual({ ok: false, message: expect.stringContaining(message) });
  });
});
