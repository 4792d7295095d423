import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'vitest';
import { connect, type AppClient, type StreamEvent } from '../../../runtime/client/index.ts';
import { until } from '../../support/until.ts';
import { ServerRig } from './server-rig.ts';

describe('connect', () => {
  let rig: ServerRig;
  let app: AppClient;
  afterEach(async () => {
    app.close();
    await rig.close();
  });

  test('reads and patches state', async ({ expect }) => {
    rig = await ServerRig.open();
    app = connect(rig.url);
    expect(await app.get('/vars/odd/a b')).toBe(1);
    expect(await app.get('/vars/odd/x~1y')).toBe(2);
    const { value, etag } = await app.read('/vars/n');
    expect(value).toBe(1);
    await app.patch([{ op: 'replace', path: '/vars/n', value: 5 }], { ifMatch: etag });
    expect(await app.get()).toMatchObject({ vars: { n: 5 } });
    const again = app.patch([{ op: 'replace', path: '/vars/n', value: 6 }], { ifMatch: etag });
    await expect(again).rejects.toMatchObject({ code: 'SERVER_STATE_STALE', kind: 'user' });
  });

  test('commands works', async ({ expect }) => {
    rig = await ServerRig.open();
    app = connect({ url: `${rig.url}/` });
    await until('the work runs', () => rig.work.isBusy);
    expect(await app.works()).toMatchObject([{ name: 'root.train' }, { name: 'root.idle' }]);
    expect(await app.status()).toMatchObject({ name: 'rig', stage: 'running' });
    await app.stop('root.train');
    await until('the work is gone', () => !rig.work.isUp);
    await app.start('root.train');
    await app.delete('root.idle');
    await until('it is deleted', async () => (await app.works()).length === 1);
    await expect(app.start('root.idle')).rejects.toMatchObject({ code: 'WORK_UNKNOWN' });
  });

  test('events come as they happen and end with the app', async ({ expect }) => {
    rig = await ServerRig.open();
    app = connect(rig.url);
    const seen: StreamEvent[] = [];
    const reading = (async () => {
      for await (const event of app.events({ types: ['turn'], pointer: '/vars/n' }))
        if (event.type === 'turn') seen.push(event);
    })();
    await until('a change is seen', async () => {
      await app.patch([{ op: 'replace', path: '/vars/n', value: Math.random() }]);
      return seen.length > 0;
    });
    expect(seen[0]).toMatchObject({
      type: 'turn',
      sources: [{ source: 'client', ops: 1 }],
      ops: [{ op: 'replace', path: '/vars/n' }],
    });
    await rig.closeServer();
    await reading;
  });

  test('logs are followed until the client is closed', async ({ expect }) => {
    rig = await ServerRig.open();
    app = connect(rig.url);
    const print = (line: string): void =>
      rig.logs.write({ source: 'flow', stream: 'stderr', at: 1, line });
    print('old');
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { line } of app.logs('flow', { follow: true })) seen.push(line);
    })();
    await until('the old line is read', () => seen.length === 1);
    print('new');
    await until('the new line is read', () => seen.length === 2);
    app.close();
    await reading;
    expect(seen).toEqual(['old', 'new']);
  });

  test('a token in the URL is used', async ({ expect }) => {
    rig = await ServerRig.open({ token: 's' });
    app = connect(`${rig.url}/?token=s`);
    expect(await app.status()).toMatchObject({ name: 'rig' });
    await expect(connect(rig.url).status()).rejects.toMatchObject({ code: 'SERVER_TOKEN_REFUSED' });
  });
});

describe('connect to what is no app', () => {
  test('nothing, or something else, is named as such', async ({ expect, onTestFinished }) => {
    const other = createServer((_request, response) => void response.end('<html>'));
    await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    onTestFinished(() => void other.close());
    const client = connect(`http://127.0.0.1:${port}`);
    await expect(client.status()).rejects.toMatchObject({ code: 'SERVER_ANSWER_INVALID' });
    await new Promise((resolve) => other.close(resolve));
    await expect(client.status()).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      retryable: true,
    });
    expect(() => connect('not a url')).toThrow(
      expect.objectContaining({ code: 'SERVER_UNREACHABLE' }),
    );
  });
});
