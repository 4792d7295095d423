import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ClassicLevel } from 'classic-level';
import { describe, test, type TestContext } from 'vitest';
import { encodeValue, LEASE_KEY, turnKey } from '../../../runtime/backends/local/level-keys.ts';
import { keepAside, LevelStateStore } from '../../../runtime/backends/local/level-state-store.ts';
import { WriteQueue } from '../../../runtime/backends/local/write-queue.ts';
import { deltaOf, Model, turnOf } from '../../contract/state-store.contract.ts';

const writer = fileURLToPath(new URL('store-writer.fixture.ts', import.meta.url));
const DAMAGED = { code: 'STORE_DAMAGED', kind: 'environment' };

const folderOf = async ({ onTestFinished }: TestContext): Promise<string> => {
  const base = await mkdtemp(join(tmpdir(), 'stormkite-store-'));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  return join(base, 'store');
};

/** Starts the fixture and collects what it prints, until `isEnough` says so. */
const runWriter = async (
  folder: string,
  mode: string,
  isEnough: (line: string) => boolean,
): Promise<{ child: ChildProcess; lines: string[] }> => {
  const child = spawn(process.execPath, ['--import', 'tsx', writer, folder, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the writer ended by itself')));
    if (child.stdout === null) return reject(new Error('no output'));
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (isEnough(line)) resolve();
    });
  });
  return { child, lines };
};

const kill = async (child: ChildProcess): Promise<void> => {
  const gone = once(child, 'close');
  child.kill('SIGKILL');
  await gone;
};

/** A store with `turns` turns and the deltas behind them; returns what it must hold. */
const fill = async (folder: string, turns: number): Promise<Model> => {
  const model = new Model();
  const lease = await new LevelStateStore(folder, { turns: 50 }).open('app');
  for (let version = 1; version <= turns; version += 1) {
    await lease.appendDeltas([deltaOf('root.w', version)]);
    await lease.commit(
      model.add(turnOf(version, 'x'.repeat(version % 90) + String(version))),
      model.snapshot,
    );
  }
  await lease.close();
  return model;
};

const filesOf = async (folder: string, pattern: RegExp): Promise<string[]> =>
  (await readdir(folder)).filter((name) => pattern.test(name)).map((name) => join(folder, name));

describe('a store whose process was killed', () => {
  test(
    'holds everything that was acknowledged, each version once',
    { timeout: 60_000 },
    async (context) => {
      const folder = await folderOf(context);
      const { child, lines } = await runWriter(folder, 'write', (line) => Number(line) >= 500);
      await kill(child);
      const acknowledged = Number(lines.at(-1));
      const lease = await new LevelStateStore(folder).open('app');
      const app = await lease.load();
      context.expect(app?.version).toBeGreaterThanOrEqual(acknowledged);
      context.expect(app?.document).toEqual({ n: app?.version });
      const mark = app?.marks['root.w'] ?? 0;
      const waiting = (await lease.deltasAfter('root.w', mark)).map((delta) => delta.seq);
      context.expect(waiting).toEqual(waiting.map((_, index) => mark + 1 + index));
      context.expect(mark + waiting.length).toBeGreaterThanOrEqual(acknowledged);
      await lease.close();
    },
  );

  test(
    'is free again, but locked while the process lives',
    { timeout: 60_000 },
    async (context) => {
      const folder = await folderOf(context);
      const { child } = await runWriter(folder, 'hold', (line) => line === 'open');
      await context
        .expect(new LevelStateStore(folder).open('app'))
        .rejects.toMatchObject({ code: 'STORE_LOCKED' });
      await context
        .expect(keepAside(folder, 'previous'))
        .rejects.toMatchObject({ code: 'STORE_LOCKED' });
      await kill(child);
      await (await new LevelStateStore(folder).open('app')).close();
    },
  );
});

describe('a store whose last write was cut off', () => {
  test('ends earlier and is otherwise whole', async (context) => {
    const folder = await folderOf(context);
    await fill(folder, 45);
    const [log = ''] = await filesOf(folder, /\.log$/);
    const { length } = await readFile(log);
    for (const cut of [1, 8, 60, 500, Math.floor(length / 2), length - 3]) {
      const copy = `${folder}-${cut}`;
      await cp(folder, copy, { recursive: true });
      const [copiedLog = ''] = await filesOf(copy, /\.log$/);
      await truncate(copiedLog, length - cut);
      const opened = await new LevelStateStore(copy).open('app');
      const app = await opened.load();
      const model = new Model();
      for (let version = 1; version <= (app?.version ?? 0); version += 1) {
        model.add(turnOf(version, 'x'.repeat(version % 90) + String(version)));
      }
      context.expect(app).toEqual(app === null ? null : model.app);
      const seqs = (await opened.deltasAfter('root.w', 0)).map((delta) => delta.seq);
      context.expect(seqs).toEqual(seqs.map((_, index) => index + 1));
      context.expect(seqs.length).toBeGreaterThanOrEqual(app?.version ?? 0);
      await opened.close();
    }
  });
});

describe('a damaged store', () => {
  test(
    'is refused or read exactly, wherever the damage is',
    { timeout: 120_000 },
    async (context) => {
      const source = await folderOf(context);
      const model = await fill(source, 70);
      for (const isInTable of [false, true]) {
        // Opening moves what the log holds into a table.
        if (isInTable) await (await new LevelStateStore(source).open('app')).close();
        const files = await filesOf(source, /\.(log|ldb)$|MANIFEST|CURRENT/);
        for (let round = 0; round < 60; round += 1) {
          const copy = `${source}-damaged`;
          await rm(copy, { recursive: true, force: true });
          await cp(source, copy, { recursive: true });
          const file = (files[round % files.length] ?? '').replace(source, copy);
          const bytes = await readFile(file);
          const at = Math.floor((bytes.length * ((round * 37) % 60)) / 60);
          for (let i = at; i < Math.min(bytes.length, at + ([1, 4, 300][round % 3] ?? 1)); i += 1)
            bytes[i] = (bytes[i] ?? 0) ^ (1 << (round % 8));
          await writeFile(file, bytes);
          const before = await readFile(file);
          try {
            const lease = await new LevelStateStore(copy).open('app');
            context.expect(await lease.load()).toEqual(model.app);
            context.expect(await lease.deltasAfter('root.w', 0)).toHaveLength(70);
            await lease.close();
          } catch (error) {
            context.expect(error).toMatchObject(DAMAGED);
            context.expect(await readFile(file)).toEqual(before);
          }
        }
      }
    },
  );

  /** Changes the database behind the store's back. */
  const tamper = async (
    folder: string,
    change: (db: ClassicLevel) => Promise<void>,
  ): Promise<void> => {
    const db = new ClassicLevel(folder, { compression: false });
    await change(db);
    await db.close();
  };

  const cases: [title: string, change: (db: ClassicLevel) => Promise<void>, problem: RegExp][] = [
    ['a turn record is missing', (db) => db.del(turnKey(60)), /T#0*60 is missing/],
    ['the last turn record is missing', (db) => db.del(turnKey(70)), /T#0*70 is missing/],
    [
      'the snapshot is missing',
      (db) => db.del('S#0000000000000050'),
      /snapshot before T#0*51 is missing/,
    ],
    ['a turn record is no JSON', (db) => db.put(turnKey(60), '{'), /T#0*60 is unreadable/],
    [
      'a value was changed',
      async (db) => db.put(turnKey(60), `${(await db.get(turnKey(60)))?.replace('xx', 'xy')}`),
      /T#0*60 is unreadable/,
    ],
    ['a key is foreign', (db) => db.put('Z', '1'), /"Z" is no key of ours/],
    [
      'deltas are missing',
      (db) => db.del('D#root.w#0000000000000005#0000000000000001'),
      /deltas of root\.w before 6/,
    ],
    [
      'it belongs to another app',
      (db) => db.put(LEASE_KEY, encodeValue({ app: 'other', fence: 1, storeVersion: 1 })),
      /belongs to the app "other"/,
    ],
  ];
  for (const [title, change, problem] of cases) {
    test(`is refused and left as it is when ${title}`, async (context) => {
      const folder = await folderOf(context);
      await fill(folder, 70);
      await tamper(folder, change);
      const refused = new LevelStateStore(folder).open('app');
      await context
        .expect(refused)
        .rejects.toMatchObject({ ...DAMAGED, message: context.expect.stringMatching(problem) });
      await context.expect(new LevelStateStore(folder).open('app')).rejects.toMatchObject(DAMAGED);
    });
  }

  test('of a newer shape is refused', async (context) => {
    const folder = await folderOf(context);
    await fill(folder, 1);
    await tamper(folder, (db) =>
      db.put(LEASE_KEY, encodeValue({ app: 'app', fence: 1, storeVersion: 99 })),
    );
    await context
      .expect(new LevelStateStore(folder).open('app'))
      .rejects.toMatchObject({ code: 'STORE_VERSION_UNKNOWN' });
  });

  test('that is no folder is unreachable, with the cause', async (context) => {
    const folder = await folderOf(context);
    await writeFile(folder, '');
    const refused = new LevelStateStore(folder).open('app');
    await context
      .expect(refused)
      .rejects.toMatchObject({ code: 'STORE_UNREACHABLE', cause: context.expect.any(Error) });
  });
});

describe('keepAside', () => {
  test('keeps one previous store and every damaged one', async (context) => {
    const folder = await folderOf(context);
    context.expect(await keepAside(folder, 'previous')).toBeNull();
    await fill(folder, 1);
    context.expect(await keepAside(folder, 'previous')).toBe(`${folder}.previous`);
    const model = await fill(folder, 2);
    context.expect(await keepAside(folder, 'previous')).toBe(`${folder}.previous`);
    const kept = await new LevelStateStore(`${folder}.previous`).open('app');
    context.expect(await kept.load()).toEqual(model.app);
    await kept.close();
    for (const n of [1, 2]) {
      await mkdir(folder);
      context.expect(await keepAside(folder, 'damaged')).toBe(`${folder}.damaged-${n}`);
    }
  });
});

describe('the write queue', () => {
  test('writes one batch at a time and collects meanwhile', async ({ expect }) => {
    const batches: number[] = [];
    let active = 0;
    const batch = async (operations: readonly unknown[]): Promise<void> => {
      active += 1;
      expect(active).toBe(1);
      batches.push(operations.length);
      await new Promise((resolve) => setImmediate(resolve));
      active -= 1;
    };
    const queue = new WriteQueue({ batch }, () => new Error('wrapped'));
    const first = queue.write([['a', '1']]);
    await Promise.resolve();
    const rest = Array.from({ length: 20 }, (_, index) =>
      queue.write([
        [`k${index}`, '1'],
        ['a', null],
      ]),
    );
    await Promise.all([first, ...rest, queue.write([])]);
    expect(batches).toEqual([1, 40]);
  });

  test('writes nothing more after a failure', async ({ expect }) => {
    let calls = 0;
    const batch = async (): Promise<void> => {
      calls += 1;
      throw new Error('disk full');
    };
    const queue = new WriteQueue({ batch }, (cause) => new Error('wrapped', { cause }));
    await expect(queue.write([['a', '1']])).rejects.toThrow('wrapped');
    await expect(queue.write([['b', '1']])).rejects.toThrow('wrapped');
    await expect(queue.write([])).rejects.toThrow('wrapped');
    await queue.drained();
    expect(calls).toBe(1);
  });
});
