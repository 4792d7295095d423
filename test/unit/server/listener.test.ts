import { hostname, type NetworkInterfaceInfo } from 'node:os';
import { describe, test } from 'vitest';
import { openListener, reachableHost } from '../../../runtime/server/listener.ts';

const four = (address: string, internal: boolean): NetworkInterfaceInfo => ({
  address,
  internal,
  family: 'IPv4',
  netmask: '255.255.255.0',
  mac: '00:00:00:00:00:00',
  cidr: null,
});
const six = (address: string, internal: boolean): NetworkInterfaceInfo => ({
  ...four(address, internal),
  family: 'IPv6',
  scopeid: 0,
});

describe('the address of a server', () => {
  const lo = [four('127.0.0.1', true), six('::1', true)];

  test('on all addresses of a machine is one that others can use', ({ expect }) => {
    const interfaces = { lo, eth0: [six('fe80::1', false), four('192.0.2.7', false)] };
    expect(reachableHost('0.0.0.0', interfaces)).toBe('192.0.2.7');
    expect(reachableHost('::', interfaces)).toBe('192.0.2.7');
    expect(reachableHost('0.0.0.0', { lo })).toBe(hostname());
  });

  test('is the one that it was given otherwise', ({ expect }) => {
    for (const host of ['127.0.0.1', '192.0.2.9', 'shop.example'])
      expect(reachableHost(host, { lo })).toBe(host);
  });

  test('stays the same for programs of the machine itself', async ({ expect, onTestFinished }) => {
    const listener = await openListener({ host: '0.0.0.0', port: 0 });
    onTestFinished(() => listener.close());
    const { port } = new URL(listener.url);
    expect(listener.url).not.toContain('0.0.0.0');
    expect(listener.localUrl).toBe(`http://127.0.0.1:${port}`);
  });
});
