import { describe, test } from 'vitest';
import { metaOf } from '../../../runtime/component/meta.ts';
import { workUpstreamOf } from '../../../runtime/host/work-upstream.ts';
import { App, Flow, Work } from '../../../runtime/index.ts';

class Server extends Work {
  run(): void {}
}

class Root extends Flow {
  server = new Server();
  run(): void {}
}

function upstreamOf(url: string, internalIp = '') {
  const root = new Root();
  const app = new App(root);
  const { fields } = metaOf(root.server);
  fields?.set('_url', url);
  fields?.set('_internal_ip', internalIp);
  return { app, ...workUpstreamOf(root.server) };
}

describe('where a work answers', () => {
  test.for([
    ['http://127.0.0.1:8000', { host: '127.0.0.1', port: 8000 }],
    ['http://[::1]:8000', { host: '::1', port: 8000 }],
    ['http://localhost', { host: 'localhost', port: 80 }],
  ] as const)('%s is this machine', ([url, address], { expect }) => {
    expect(upstreamOf(url).address).toEqual(address);
  });

  test('an address elsewhere must be its own', ({ expect }) => {
    expect(upstreamOf('http://10.0.0.9:40000', '10.0.0.9').address).toEqual({
      host: '10.0.0.9',
      port: 40_000,
    });
    for (const url of [
      'http://169.254.169.254/',
      'http://10.0.0.9:40000',
      'http://example.org',
      'https://127.0.0.1',
    ])
      expect(upstreamOf(url)).toMatchObject({
        address: null,
        doing: expect.stringContaining('not its own address') as string,
      });
  });

  test('a work without a server tells what it is doing', ({ expect }) => {
    expect(upstreamOf('')).toMatchObject({
      title: 'root.server',
      address: null,
      doing: 'it has no server yet; its status is not started',
      stripPrefix: null,
    });
  });
});
