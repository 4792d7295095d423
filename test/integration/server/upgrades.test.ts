/** Requests that would rather speak HTTP/2, as curl `--http2` and Java's client send them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'vitest';
import { until } from '../../support/until.ts';
import { ProxyRig } from './proxy-rig.ts';
import { ServerRig } from './server-rig.ts';

const WISH = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n';

describe('a request that asks for another protocol than a WebSocket', () => {
  test('is answered as any other, with its body, and so are those after it', async ({
    expect,
    onTestFinished,
  }) => {
    const rig = await ServerRig.open();
    onTestFinished(() => rig.close());
    const { host, port, hostname } = new URL(rig.url);
    const socket = connect({ host: hostname, port: Number(port) });
    onTestFinished(() => void socket.destroy());
    let got = '';
    socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
    socket.write(`GET /api/v1/state/vars/n HTTP/1.1\r\nhost: ${host}\r\n${WISH}\r\n`);
    await until('it is answered', () => got.endsWith('\r\n1'));
    expect(got).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    const body = '[{"op":"replace","path":"/vars/n","value":7}]';
    got = '';
    socket.write(
      `PATCH /api/v1/state HTTP/1.1\r\nhost: ${host}\r\n${WISH}content-type: application/json\r\n` +
        `content-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
    );
    socket.write(body.slice(10));
    await until('it is committed', () => /"version":\d+\}$/.test(got));
    expect(got).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    got = '';
    socket.write(`GET /api/v1/state/vars/n HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    await once(socket, 'close');
    expect(got).toMatch(/\r\n\r\n7$/);
  });

  test('passes the same checks', async ({ expect, onTestFinished }) => {
    const rig = await ServerRig.open({ token: 'secret' });
    onTestFinished(() => rig.close());
    const headers = { connection: 'upgrade', upgrade: 'h2c' };
    expect((await rig.ask('GET', '/status', { headers })).status).toBe(401);
    const known = { ...headers, authorization: 'Bearer secret' };
    expect((await rig.ask('GET', '/status', { headers: known })).status).toBe(200);
  });

  test('reaches a server below the app with its body', async ({ expect, onTestFinished }) => {
    const rig = await ProxyRig.open();
    onTestFinished(() => rig.close());
    rig.works.set('root.w', await rig.serve('/works/root.w'));
    for (const how of [
      'content-length: 5\r\n\r\nhello',
      'transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ]) {
      const { hostname, port, host } = new URL(rig.url);
      const socket = connect({ host: hostname, port: Number(port) });
      let got = '';
      socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
      socket.write(`POST /works/root.w/upload HTTP/1.1\r\nhost: ${host}\r\n${WISH}${how}`);
      await until('it is answered', () => /\r\n\r\n(1\r\n)?5/.test(got));
      expect(got).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      socket.destroy();
    }
  });
});
