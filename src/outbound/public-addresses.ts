import { isIP } from 'node:net';

/**
 * IPv4 ranges that are not the public Internet: https://www.iana.org/assignments/iana-ipv4-special-registry, multicast, and the
 * one public address at which a cloud answers with what only its machines may know.
 */
const CLOSED_IPV4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/**
 * IPv6: only global unicast (2000::/3) is public, so unspecified, loopback, IPv4-mapped, NAT64 (64:ff9b::/96 and
 * 64:ff9b:1::/48), unique-local, link-local and multicast addresses are closed without being named. Of global unicast these
 * are not: https://www.iana.org/assignments/iana-ipv6-special-registry. 6to4 and Teredo carry IPv4 addresses within.
 */
const CLOSED_IPV6: readonly (readonly [network: string, bits: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
];
const GLOBAL_UNICAST = [0x2000n << 112n, 3] as const;
/** ISATAP (RFC 5214): an IPv4 address in the interface's part. */
const ISATAP: readonly bigint[] = [0x0000_5efen, 0x0200_5efen];

/** Whether a numeric address belongs to the public Internet. Whatever is no such address is not. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) {
    const value = readIpv4(address);
    return !CLOSED_IPV4.some(([network, bits]) => inRange(value, readIpv4(network), bits, 32));
  }
  if (family !== 6 || address.includes('%')) return false;
  const value = readIpv6(address);
  if (!inRange(value, ...GLOBAL_UNICAST, 128)) return false;
  if (ISATAP.includes((value >> 32n) & 0xffff_ffffn)) return false;
  return !CLOSED_IPV6.some(([network, bits]) => inRange(value, readIpv6(network), bits, 128));
}

const inRange = (value: bigint, network: bigint, bits: number, width: number): boolean =>
  value >> BigInt(width - bits) === network >> BigInt(width - bits);

const readIpv4 = (address: string): bigint =>
  address.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);

/** An address that `isIP` has found to be IPv6. */
function readIpv6(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const gap = new Array<bigint>(8 - before.length - after.length).fill(0n);
  return [...before, ...gap, ...after].reduce((value, group) => (value << 16n) | group, 0n);
}

function groupsOf(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const value = readIpv4(group);
    return [value >> 16n, value & 0xffffn];
  });
}
