/** Shortest prefixes that are not "the internet". */
const MIN_PREFIX = { v4: 8, v6: 19 } as const;

/** Whether a text is a range of addresses, such as `203.0.113.0/24`. */
export function isCidr(cidr: string): boolean {
  const [address = '', prefix = '', ...rest] = cidr.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false;
  if (address.includes(':')) return /^[0-9a-f:]+$/i.test(address) && Number(prefix) <= 128;
  const parts = address.split('.');
  const areBytes = parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
  return parts.length === 4 && areBytes && Number(prefix) <= 32;
}

export function isIpv6(cidr: string): boolean {
  return cidr.includes(':');
}

/** Whether a range is so wide that it can only mean everybody. */
export function isWorld(cidr: string): boolean {
  const prefix = Number(cidr.split('/')[1]);
  return prefix < (isIpv6(cidr) ? MIN_PREFIX.v6 : MIN_PREFIX.v4);
}
