import { afterEach, describe, test } from 'vitest';
import type { App } from 'stormkite';
import { connect, type AppClient, type ConnectOptions, type StreamEvent } from 'stormkite/client';

import { until } from '../../support/until.ts';
import { ServerRig } from '../server/server-rig.ts';
import { BreakableLine } from './breakable-line.ts';
import { Notebooks } from './notebooks-app.ts';

type Client = AppClient<App<Notebooks>>;
const QUICK = { minMs: 5, maxMs: 50 };

/** Versions and whole documents that a client was told of. */
function told(app: Client): { versions: number[]; snapshots: number; end: () => void } {
  const seen = { versions: [] as number[], snapshots: 0, end: () => undefined as void };
  seen.end = app.listen((event: StreamEvent) => {
    if (event.type === 'turn') seen.versions.push(event.version);
    if (event.type === 'snapshot') seen.snapshots += 1;
  });
  return seen;
}

describe('a client that follows the state', () => {
  const open: { close(): unknown }[] = [];
  const opened = <T extends { close(): unknown }>(thing: T): T => {
    open.unshift(thing);
    return thing;
  };
  const rigOf = async (options: Parameters<typeof ServerRig.open>[0] = {}): Promise<ServerRig> =>
    opened(await ServerRig.open({ createRoot: () => new Notebooks(), ...options }));
  const clientOf = (url: string, options: ConnectOptions = {}): Client =>
    opened(connect<App<Notebooks>>({ url, reconnect: QUICK, ...options }));
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
  });

  test.for(['sse', 'websocket'] as const)(
    'reads, writes and hears over %s',
    async (transport, { expect }) => {
      const rig = await rigOf();
      const app = clientOf(rig.url, { transport });
      expect(app.connection.current.status).toBe('idle');
      await app.ready();
      expect(app.connection.current.status).toBe('live');
      expect(app.state.config.lr).toBe(0.1);
      const heard: unknown[] = [];
      app.subscribe(
        (state) => state.config.layers.length,
        (count, before) => heard.push([count, before]),
      );
      app.subscribe('/vars/n', (n, before) => heard.push({ n, before }));
      app.state.config.layers.push(4);
      app.state.n = 7;
      app.state.note = 'hello';
      app.state.team.members = ['ann'];
      app.state.train.cells = 3;
      await app.settled();
      expect(app.snapshot()).toMatchObject({
        n: 7,
        note: 'hello',
        config: { layers: [8, 8, 4] },
        team: { members: ['ann'] },
        train: { cells: 3, status: { stage: 'not_started' } },
      });
      expect(heard).toEqual([[3, 2], { n: 7, before: 0 }]);
      delete app.state.note;
      await app.settled();
      expect(app.snapshot('/vars/note')).toBeUndefined();
    },
  );

  test('components that the flow adds appear, with their fields', async ({ expect }) => {
    const rig = await rigOf();
    const app = clientOf(rig.url);
    await app.ready();
    expect(app.state.extra['ann']).toBeUndefined();
    app.state.requests.push({ name: 'ann', stop: false });
    await until('the notebook is there', () => app.state.extra['ann'] !== undefined);
    expect(app.state.extra['ann']?.token).toBeNull();
    const { extra } = app.state;
    const ann = extra['ann'];
    if (ann) ann.token = 'secret';
    await app.settled();
    expect(await app.get('/structures/extra/works/ann/vars/token')).toBe('secret');
  });

  test('1,000 deltas over a connection that breaks again and again arrive once each', async ({
    expect,
  }) => {
    const rig = await rigOf();
    const proxy = opened(await BreakableLine.open(rig.url));
    for (const transport of ['sse', 'websocket'] as const) {
      const writer = clientOf(rig.url);
      const app = clientOf(proxy.url, { transport });
      await app.ready();
      const seen = told(app);
      const first = (app.snapshot('/vars/log') as number[]).length;
      const statuses = new Set<string>();
      app.connection.subscribe(({ status }) => statuses.add(status));
      const cutsBefore = proxy.cuts;
      for (let value = first; value < first + 1_000; value += 1) {
        await writer.patch([{ op: 'add', path: '/vars/log/-', value }]);
        if (value % 90 === 50) proxy.cut();
        if (value % 400 === 200)
          await until('it follows again', () => app.connection.current.status === 'live');
      }
      await until(
        'all is there',
        () => (app.snapshot('/vars/log') as number[]).length === first + 1_000,
      );
      expect(app.snapshot()).toEqual(await snapshotOf(rig.url));
      expect(app.snapshot('/vars/log')).toEqual([...Array(first + 1_000).keys()]);
      const { versions } = seen;
      expect(versions).toEqual(versions.map((_, index) => (versions[0] ?? 0) + index));
      expect(seen.snapshots).toBe(0);
      expect(proxy.cuts - cutsBefore).toBeGreaterThan(8);
      expect([...statuses].toSorted()).toEqual(['live', 'offline']);
      app.close();
      writer.close();
    }
  });

  test('a client that was away too long gets the state as a whole', async ({ expect }) => {
    const rig = await rigOf({ limits: { turns: 20, bytes: 1_000_000 } });
    const proxy = opened(await BreakableLine.open(rig.url));
    const writer = clientOf(rig.url);
    const app = clientOf(proxy.url);
    await app.ready();
    const seen = told(app);
    const { config } = app.snapshot();
    proxy.isDown = true;
    proxy.cut();
    await until('it knows', () => app.connection.current.status === 'offline');
    const { since, error } = app.connection.current;
    expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE' });
    for (let value = 0; value < 100; value += 1) await writer.set('/vars/n', value);
    expect(app.snapshot().n).toBe(0);
    expect(app.connection.current).toMatchObject({ status: 'offline', since });
    proxy.isDown = false;
    await until('it is back', () => app.snapshot().n === 99);
    expect(seen.snapshots).toBe(1);
    expect(app.snapshot().config).toBe(config);
    expect(app.connection.current).toMatchObject({ status: 'live', error: null });
  });

  test('an app that is run again at the same address is followed from its own beginning', async ({
    expect,
  }) => {
    const first = await rigOf();
    const proxy = opened(await BreakableLine.open(first.url));
    const app = clientOf(proxy.url);
    await app.ready();
    for (let value = 1; value < 20; value += 1) await app.set('/vars/n', value);
    const second = await rigOf();
    proxy.aim(second.url);
    proxy.cut();
    await until('it has the state of the second', () => app.snapshot().n === 0);
    await app.set('/vars/n', 5);
    expect(app.snapshot().n).toBe(5);
    expect(await app.get('/vars/n')).toBe(5);
  });

  test('two clients see what the other writes, and neither loses a write', async ({ expect }) => {
    const rig = await rigOf();
    const ann = clientOf(rig.url, { name: 'ann' });
    const bob = clientOf(rig.url, { name: 'bob' });
    await Promise.all([ann.ready(), bob.ready()]);
    const both = [ann, bob];
    await Promise.all(
      both.map(async (app, index) => {
        for (let each = 0; each < 20; each += 1) {
          app.state.log.push(index);
          await app.update('/vars/n', (n) => Number(n) + 1);
        }
        await app.settled();
      }),
    );
    for (const app of both) {
      await until('it has all', () => app.snapshot().log.length + app.snapshot().n === 80);
      expect(app.snapshot().log.filter((index) => index === 0)).toHaveLength(20);
      expect(app.snapshot().n).toBe(40);
    }
    const { turns } = await ann.history();
    const clients = new Set(turns.flatMap(({ deltas }) => deltas.map(({ client }) => client)));
    expect(clients).toContain('ann');
    expect(clients).toContain('bob');
  });

  test('a write to an item that somebody else has moved is refused, and nothing is lost', async ({
    expect,
  }) => {
    const rig = await rigOf();
    const proxy = opened(await BreakableLine.open(rig.url));
    const other = clientOf(rig.url);
    const errors: Error[] = [];
    const app = clientOf(proxy.url, { onError: (error) => errors.push(error) });
    await app.ready();
    await app.set('/vars/requests', [
      { name: 'ann', stop: false },
      { name: 'bob', stop: false },
    ]);
    await other.set('/vars/requests', [{ name: 'bob', stop: false }]);
    const first = app.state.requests[0];
    if (first?.name === 'ann') first.stop = true;
    const settled = app.settled().then(
      () => 'applied',
      (error: { code: string }) => error.code,
    );
    // Either the change had arrived, and no such item was found, or the write was refused.
    expect(['applied', 'CLIENT_WRITE_CONFLICT']).toContain(await settled);
    expect(await app.get('/vars/requests')).toEqual([{ name: 'bob', stop: false }]);
    await expect(
      other.patch([
        { op: 'test', path: '/vars/requests/0', value: { name: 'ann', stop: false } },
        { op: 'replace', path: '/vars/requests/0/stop', value: true },
      ]),
    ).rejects.toMatchObject({ code: 'CLIENT_WRITE_CONFLICT' });
  });

  test('an assignment that the app refuses is told to those who wait and to onError', async ({
    expect,
  }) => {
    const rig = await rigOf();
    const errors: Error[] = [];
    const app = clientOf(rig.url, { onError: (error) => errors.push(error) });
    await app.ready();
    (app.state as Record<string, unknown>)['unknown'] = 1;
    app.state.n = 5;
    await expect(app.settled()).rejects.toMatchObject({ code: 'SERVER_PATCH_TARGET_UNKNOWN' });
    expect(errors).toHaveLength(1);
    expect(app.state.n).toBe(0);
  });

  test('compare-and-set writes only over what is expected', async ({ expect }) => {
    const rig = await rigOf();
    const app = clientOf(rig.url);
    const { value, etag } = await app.read('/vars/config');
    expect(
      await app.compareAndSet('/vars/config', { expected: value }, { lr: 1, layers: [] }),
    ).toMatchObject({
      ok: true,
    });
    const current = { lr: 1, layers: [] };
    for (const expectation of [{ expected: value }, { ifMatch: etag }]) {
      const result = await app.compareAndSet('/vars/config', expectation, { lr: 2, layers: [] });
      expect(result).toMatchObject({ ok: false, current });
      if (!result.ok) expect(result.etag).toBe((await app.read('/vars/config')).etag);
    }
    // The state does not tell an optional field that is not there from one that the class does not have.
    for (const path of ['/vars/config/none', '/vars/note', '/vars/none'])
      expect(await app.compareAndSet(path, { expected: 1 }, 2)).toEqual({
        ok: false,
        current: undefined,
        etag: '',
      });
  });

  test('a comparison with what is gone meanwhile is a conflict', async ({ expect }) => {
    const rig = await rigOf();
    const app = clientOf(rig.url);
    await app.set('/vars/requests', [{ name: 'ann', stop: false, tags: ['x', 'y', 'z'] }]);
    await app.ready();
    const removed = rig.loop.patch([{ op: 'remove', path: '/vars/requests/0/tags/2' }]);
    const tags = app.state.requests[0]?.tags;
    if (tags) tags[2] = 'w';
    await expect(app.settled()).rejects.toMatchObject({ code: 'CLIENT_WRITE_CONFLICT' });
    await removed;
    expect(await app.get('/vars/requests/0/tags')).toEqual(['x', 'y']);
    const none = '/vars/requests/0/tags/2';
    const patch = app.patch([
      { op: 'replace', path: '/vars/n', value: 1 },
      { op: 'test', path: none, value: 'z' },
    ]);
    await expect(patch).rejects.toMatchObject({ code: 'CLIENT_WRITE_CONFLICT' });
    await expect(app.patch([{ op: 'remove', path: none }])).rejects.toMatchObject({
      code: 'SERVER_PATCH_TARGET_UNKNOWN',
    });
  });

  test('a name is shown by what a header can hold of it', async ({ expect }) => {
    const rig = await rigOf();
    for (const name of ['José', 'Жанна']) await clientOf(rig.url, { name }).set('/vars/n', 1);
    const { turns } = await clientOf(rig.url).history();
    const clients = turns.flatMap(({ deltas }) => deltas.map(({ client }) => client));
    expect(clients.filter((client) => client !== undefined)).toEqual(['Jose', '127.0.0.1']);
  });

  test('keys that URLs resolve are keys like others', async ({ expect }) => {
    const rig = await rigOf();
    const app = clientOf(rig.url);
    await app.set('/vars/config', { lr: 1, layers: [], '..': { '.': 5 } });
    expect(await app.get('/vars/config/..')).toEqual({ '.': 5 });
    expect(await app.get('/vars/config/../.')).toBe(5);
    await app.update('/vars/config/../.', (value) => Number(value) + 1);
    expect(await app.get('/vars/config/../.')).toBe(6);
    await expect(app.get('/vars/../n')).rejects.toMatchObject({ code: 'SERVER_POINTER_UNKNOWN' });
  });

  test('a wrong token is not tried again and again', async ({ expect }) => {
    const rig = await rigOf({ token: 'right' });
    const app = clientOf(rig.url, { token: 'wrong' });
    await expect(app.ready()).rejects.toMatchObject({ code: 'SERVER_TOKEN_REFUSED' });
    expect(app.connection.current).toMatchObject({ status: 'offline', retryAt: null });
    const good = clientOf(`${rig.url}/?token=right`, { transport: 'websocket' });
    await good.ready();
    expect(good.snapshot().n).toBe(0);
  });

  test('waiting for an app that is not there ends with its signal, or with the client', async ({
    expect,
  }) => {
    const app = clientOf('http://127.0.0.1:9');
    await expect(app.ready({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
    });
    const waiting = app.ready();
    app.close();
    await expect(waiting).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
    expect(app.connection.current.status).toBe('closed');
    await expect(app.status()).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  });

  test('below a root path, and with a page of the app for an address', async ({ expect }) => {
    const rig = await rigOf({ rootPath: '/team/app' });
    for (const path of ['', '/', '/view', '/api/v1/state']) {
      const app = clientOf(`${new URL(rig.url).origin}/team/app${path}`);
      await app.ready();
      expect(app.snapshot().mode).toBe('fast');
    }
  });
});

async function snapshotOf(url: string): Promise<unknown> {
  const app = connect<App<Notebooks>>(url);
  try {
    await app.ready();
    return app.snapshot();
  } finally {
    app.close();
  }
}
