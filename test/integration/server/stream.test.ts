import { afterEach, describe, test } from 'vitest';
import type { Json } from '../../../runtime/state/json.ts';
import { until } from '../../support/until.ts';
import { ServerRig } from './server-rig.ts';
import { StreamReader } from './stream-reader.ts';

const replaceN = (value: number) => [{ op: 'replace' as const, path: '/vars/n', value }];
const add = (value: string) => [{ op: 'add' as const, path: '/vars/list/-', value }];
const MiB = 1024 * 1024;

/** The document as a plain copy. */
function documentOf(rig: ServerRig): Json {
  return JSON.parse(JSON.stringify(rig.loop.document())) as Json;
}

describe.for(['connect', 'connectSocket'] as const)('the stream (%s)', (how) => {
  let rig: ServerRig;
  let reader: StreamReader;
  afterEach(async () => {
    reader.drop();
    await rig.close();
  });

  /** The rig and a reader that has the state. */
  async function open(
    options: Parameters<typeof ServerRig.open>[0] = {},
    query = '',
  ): Promise<void> {
    rig = await ServerRig.open(options);
    reader = new StreamReader();
    await reader[how](rig.api, query);
    await until('the state is there', () => reader.version > 0);
  }

  async function untilSame(which = reader): Promise<void> {
    const { version } = rig.loop;
    await until(`version ${version} is told`, () => which.version >= version);
  }

  test('begins with the state, and every version leads from the one before to the next', async ({
    expect,
  }) => {
    await open();
    // Versions may have followed it already.
    expect(reader.told[0]).toMatchObject({
      event: 'snapshot',
      data: { version: expect.any(Number) },
    });
    await until('the work runs', () => rig.work.isBusy);
    for (let n = 2; n < 60; n += 1) {
      await rig.loop.patch(replaceN(n));
      await rig.loop.patch(add(`${n}`));
      rig.work.set({ loss: n });
    }
    rig.work.succeed();
    await until('the call is over', () => rig.loop.works()[0]?.status.stage === 'succeeded');
    await rig.loop.patch(replaceN(0));
    await untilSame();
    expect(reader.faults).toEqual([]);
    expect(reader.state).toEqual(documentOf(rig));
  });

  test('a turn tells who changed what', async ({ expect }) => {
    await open();
    await until('the work runs', () => rig.work.isBusy);
    await rig.ask('PATCH', '/state', {
      body: replaceN(2),
      headers: { 'stormkite-client': 'alice' },
    });
    await rig.ask('PATCH', '/state', { body: replaceN(3) });
    rig.work.set({ loss: 4 });
    await until('the loss is told', () => JSON.stringify(reader.state).includes('"loss":4'));
    const sources = reader
      .of('turn')
      .flatMap(({ data }) => (data.type === 'turn' ? data.sources : []));
    expect(sources).toEqual(
      expect.arrayContaining([
        { source: 'client', client: 'alice', ops: 1 },
        { source: 'client', client: '127.0.0.1', ops: 1 },
        { source: 'root.train', ops: 1 },
      ]),
    );
    expect(reader.of('turn').at(-1)?.data).toMatchObject({ stage: 'running' });
  });

  test('a reader that was dropped during 1,000 deltas ends in the exact state, and none is repeated', async ({
    expect,
  }) => {
    await open();
    let sent = 0;
    const writing = (async () => {
      for (; sent < 1_000; sent += 1) await rig.loop.patch(add(String(sent)));
    })();
    for (const at of [100, 300, 700]) {
      await until(`${at} are told`, () => reader.told.length > at);
      reader.drop();
      await until('it is over', () => reader.isOver);
      const missed = rig.loop.version;
      await until('it missed some', () => rig.loop.version > missed + 50);
      await reader[how](rig.api);
    }
    await writing;
    await untilSame();
    expect(reader.faults).toEqual([]);
    expect(reader.of('snapshot')).toHaveLength(1);
    expect(reader.state).toEqual(documentOf(rig));
  });

  test('a reader whose place is not kept any more gets the state as a whole', async ({
    expect,
  }) => {
    await open({ limits: { turns: 10, bytes: MiB } });
    reader.drop();
    for (let n = 0; n < 50; n += 1) await rig.loop.patch(add(String(n)));
    await reader[how](rig.api);
    await untilSame();
    expect(reader.of('snapshot')).toHaveLength(2);
    expect(reader.faults).toEqual([]);
    expect(reader.state).toEqual(documentOf(rig));
  });

  test('an id of another run, or of no run, gets the state as a whole', async ({ expect }) => {
    await open();
    reader.drop();
    for (const id of [`${'0'.repeat(12)}-${reader.version}`, 'x', '', `${rig.history.run}-9999`]) {
      const other = new StreamReader();
      other.lastId = id;
      await other[how](rig.api);
      await until('the state is there', () => other.version > 0);
      expect(other.told[0]).toMatchObject({ event: 'snapshot' });
      other.drop();
    }
  });

  test('a reader that has everything is told nothing until something happens', async ({
    expect,
  }) => {
    await open();
    await until('it rests', () => rig.work.isBusy);
    await rig.loop.patch(replaceN(5));
    await untilSame();
    reader.drop();
    const before = reader.told.length;
    await reader[how](rig.api);
    await rig.loop.patch(replaceN(6));
    await untilSame();
    expect(reader.told.slice(before).map(({ event }) => event)).not.toContain('snapshot');
    expect(reader.faults).toEqual([]);
  });

  test('a reader of one place hears only of it', async ({ expect }) => {
    await open({}, 'pointer=/vars/list');
    expect(reader.state).toEqual(['a']);
    await rig.loop.patch(replaceN(7));
    await rig.loop.patch(add('b'));
    await until('it is told', () => reader.told.length > 1);
    const [first, second, ...more] = reader.told;
    expect(first).toMatchObject({ event: 'snapshot', data: { state: ['a'] } });
    expect(second).toMatchObject({
      event: 'turn',
      data: { ops: add('b'), sources: [{ source: 'client', ops: 1 }] },
    });
    expect(more).toEqual([]);
  });

  test('a reader that does not read gets the state as a whole when it does, and fills no memory', async ({
    expect,
  }) => {
    await open({ limits: { turns: 10_000, bytes: 8 * MiB } });
    reader.pause();
    const text = 'x'.repeat(MiB);
    for (let n = 0; n < 64; n += 1) {
      await rig.loop.patch([{ op: 'replace', path: '/vars/list', value: [`${n}`, text] }]);
    }
    // What the connection holds is at most one event more than it takes.
    expect(rig.waitingBytes).toBeLessThan(4 * MiB);
    expect(rig.history.newest - rig.history.oldest).toBeLessThan(10);
    const before = reader.told.length;
    reader.resume();
    await untilSame();
    const after = reader.told.slice(before);
    expect(after.map(({ event }) => event)).toContain('snapshot');
    expect(after.length).toBeLessThan(40);
    expect(reader.state).toEqual(documentOf(rig));
  });

  test('a reader that takes nothing is cut, and goes on where it was', async ({ expect }) => {
    await open({ outlets: { lookMs: 20, stalledLooks: 25 } });
    reader.pause();
    const text = 'x'.repeat(8 * MiB);
    await rig.loop.patch([{ op: 'replace', path: '/vars/list', value: [text, text] }]);
    await until('nobody reads any more', async () => {
      const { body } = await rig.ask('GET', '/status');
      return (body as { clients: number }).clients === 0;
    });
    expect(rig.waitingBytes).toBe(0);
    reader.resume();
    await until('it is cut', () => reader.isOver);
    await reader[how](rig.api);
    await untilSame();
    expect(reader.state).toEqual(documentOf(rig));
    expect(reader.faults).toEqual([]);
  });

  test('a large state comes whole', async ({ expect }) => {
    rig = await ServerRig.open();
    reader = new StreamReader();
    const list = Array.from({ length: 20_000 }, (_, index) => `ü${index}`.repeat(30));
    await rig.loop.patch([{ op: 'replace', path: '/vars/list', value: list }]);
    await reader[how](rig.api);
    await untilSame();
    expect(reader.of('snapshot')).toHaveLength(1);
    expect(reader.state).toMatchObject({ vars: { list } });
  });

  test('events of other types come when they are asked for', async ({ expect }) => {
    await open({}, 'types=turn,status,error');
    await until('the work runs', () => rig.work.isBusy);
    rig.work.fail(new Error('no'));
    await until('it is told', () => JSON.stringify(reader.of('status')).includes('"failed"'));
    expect(reader.of('status').at(-1)).toMatchObject({
      id: null,
      data: { type: 'status', work: 'root.train', status: { stage: 'failed' } },
    });
    expect(reader.of('stage')).toEqual([]);
  });

  test('the end of the app is told, and ends the stream', async ({ expect }) => {
    await open();
    await rig.loop.stop('enough');
    await rig.closeServer();
    await until('it is over', () => reader.isOver);
    expect(reader.of('stage').map(({ data }) => data)).toMatchObject([
      { stage: 'stopping' },
      { stage: 'stopped' },
    ]);
    expect(reader.state).toMatchObject({ app_state: { stage: 'stopped' } });
  });
});

describe('many readers', () => {
  test('200 of them are all told everything', async ({ expect, onTestFinished }) => {
    const rig = await ServerRig.open();
    onTestFinished(() => rig.close());
    const readers = Array.from({ length: 200 }, () => new StreamReader());
    onTestFinished(() => readers.forEach((reader) => reader.drop()));
    await Promise.all(
      readers.map((reader, index) =>
        index % 2 === 0 ? reader.connect(rig.api) : reader.connectSocket(rig.api),
      ),
    );
    await until('all have the state', () => readers.every(({ version }) => version > 0));
    expect(await rig.ask('GET', '/status')).toMatchObject({ body: { clients: 200 } });
    for (let n = 0; n < 100; n += 1) await rig.loop.patch(add(String(n)));
    const { version } = rig.loop;
    await until('all have the last version', () =>
      readers.every((reader) => reader.version >= version),
    );
    const expected = documentOf(rig);
    for (const reader of readers) {
      expect(reader.faults).toEqual([]);
      expect(reader.of('snapshot')).toHaveLength(1);
      expect(reader.state).toEqual(expected);
    }
    readers.forEach((reader) => reader.drop());
    await until('all are gone', async () => {
      const { body } = await rig.ask('GET', '/status');
      return (body as { clients: number }).clients === 0;
    });
  });
});
