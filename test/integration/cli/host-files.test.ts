import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, onTestFinished, test } from 'vitest';
import { lookAtProcess } from '../../../runtime/backends/local/process-group.ts';
import { LogFiles, tailLogs, type LogLine } from '../../../runtime/host/log-files.ts';
import { appNameOf, claimRun, runningApps } from '../../../runtime/host/run-directory.ts';
import { until } from '../../support/until.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'host-files-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('LogFiles', () => {
  const line = (
    source: string,
    text: string,
    at = Date.parse('2026-01-02T03:04:05.678Z'),
  ): LogLine => ({ source, stream: 'stdout', at, line: text });
  const texts = (lines: readonly LogLine[]): string[] => lines.map((each) => each.line);

  test('a line stands in the file of its work with time and stream', async ({ expect }) => {
    const logs = new LogFiles(directory);
    logs.write({ ...line('root.d.a b', 'hello  world '), stream: 'stderr' });
    logs.close();
    expect(await readFile(join(directory, 'root.d.a%20b.log'), 'utf8')).toBe(
      '2026-01-02T03:04:05.678Z stderr hello  world \n',
    );
  });

  test('the tail goes over a rotation, and two files are kept', async ({ expect }) => {
    const logs = new LogFiles(directory, { maxBytes: 1_000 });
    for (let n = 0; n < 100; n += 1) {
      logs.write(line('w', `line ${n}`));
      logs.flush();
    }
    expect(texts(await logs.tail('w', 30))).toEqual(
      Array.from({ length: 30 }, (_, index) => `line ${70 + index}`),
    );
    logs.close();
    expect((await readdir(directory)).toSorted()).toEqual(['w.log', 'w.log.1']);
  });

  test('listeners hear exactly what comes after the tail', async ({ expect }) => {
    const logs = new LogFiles(directory, { maxBytes: 200 });
    const heard: string[] = [];
    for (let n = 0; n < 10; n += 1) logs.write(line('w', `${n}`));
    logs.subscribe((each) => heard.push(each.line));
    const tail = logs.tail('w', 1_000);
    for (let n = 10; n < 50; n += 1) logs.write(line('w', `${n}`));
    const all = [...texts(await tail), ...heard].map(Number);
    expect(all).toEqual(Array.from({ length: all.length }, (_, index) => index + 50 - all.length));
    expect(heard).toHaveLength(40);
    logs.close();
  });

  test('all sources together are in the order of their times, also when nobody writes any more', async ({
    expect,
  }) => {
    const logs = new LogFiles(directory);
    logs.write(line('a', 'second', 2));
    logs.write(line('b', 'first', 1));
    logs.write(line('b', 'third', 3));
    logs.close();
    expect(texts(await tailLogs(directory, null, 10))).toEqual(['first', 'second', 'third']);
    expect(texts(await tailLogs(directory, null, 1))).toEqual(['third']);
    expect(texts(await tailLogs(directory, 'b', 10))).toEqual(['first', 'third']);
    expect(await tailLogs(directory, 'nobody', 10)).toEqual([]);
  });

  test('a name with the mark of cut names is told among all sources', async ({ expect }) => {
    const logs = new LogFiles(directory);
    logs.write(line('root.d.a~b', 'here'));
    logs.close();
    expect(await tailLogs(directory, null, 10)).toMatchObject([
      { source: 'root.d.a~b', line: 'here' },
    ]);
  });

  test('a name that is too long for a file system has a file too', async ({ expect }) => {
    const logs = new LogFiles(directory);
    const source = `root.d.${'ü'.repeat(128)}`;
    logs.write(line(source, 'here'));
    expect(texts(await logs.tail(source, 1))).toEqual(['here']);
    logs.close();
  });
});

describe('claimRun', () => {
  const app = { name: 'shop', appFile: '/shop/app.ts', version: '1.0.0' };

  test('one process holds a name until it gives it back', async ({ expect }) => {
    const claim = await claimRun(directory, app);
    await expect(claimRun(directory, app)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await claim.publish({ url: 'http://127.0.0.1:1', token: 't' });
    expect(await runningApps(directory)).toMatchObject([
      { name: 'shop', pid: process.pid, url: 'http://127.0.0.1:1', token: 't' },
    ]);
    claim.release();
    expect(await runningApps(directory)).toEqual([]);
    (await claimRun(directory, app)).release();
  });

  test('a name whose process is gone, or is another one by now, is free', async ({ expect }) => {
    const claim = await claimRun(directory, app);
    // A folder that holds nothing else goes with the run.
    await writeFile(join(claim.directory.root, 'kept'), '');
    const info = JSON.parse(await readFile(claim.directory.runFile, 'utf8')) as object;
    for (const stale of [
      { ...info, pid: 4_194_304 },
      { ...info, processStart: 'earlier' },
      'garbage',
    ]) {
      await writeFile(claim.directory.runFile, JSON.stringify(stale));
      expect(await runningApps(directory)).toEqual([]);
      const next = await claimRun(directory, app);
      expect(await runningApps(directory)).toHaveLength(1);
      next.release();
    }
  });

  test.skipIf(process.platform === 'win32')(
    'a name is free when its process has ended, also where nobody takes its exit code',
    async ({ expect }) => {
      const code = `
        const child = require('node:child_process').spawn('true', { stdio: 'ignore' });
        require('node:fs').writeSync(1, String(child.pid));
        // Whoever stands still takes no exit code.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`;
      const careless = spawn(process.execPath, ['-e', code], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void careless.kill('SIGKILL'));
      const [printed] = (await once(careless.stdout, 'data')) as [Buffer];
      const pid = Number(printed.toString());
      const sight = await until('it has ended', async () => {
        const seen = await lookAtProcess(pid);
        return seen?.isDefunct === true ? seen : null;
      });
      expect(process.kill(pid, 0)).toBe(true);
      const claim = await claimRun(directory, app);
      const info = JSON.parse(await readFile(claim.directory.runFile, 'utf8')) as object;
      await writeFile(
        claim.directory.runFile,
        JSON.stringify({ ...info, pid, processStart: sight.startedAt }),
      );
      expect(await runningApps(directory)).toEqual([]);
      (await claimRun(directory, app)).release();
    },
  );

  test('a name that another process took is not given back for it', async ({ expect }) => {
    const claim = await claimRun(directory, app);
    const info = JSON.parse(await readFile(claim.directory.runFile, 'utf8')) as object;
    const other = JSON.stringify({ ...info, pid: process.ppid, processStart: '' });
    await writeFile(claim.directory.runFile, other);
    claim.release();
    expect(await readFile(claim.directory.runFile, 'utf8')).toBe(other);
    await expect(claimRun(directory, app)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    expect(await readdir(claim.directory.root)).toEqual(['run.json']);
  });

  test('a home that cannot be written is named', async ({ expect }) => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    await expect(claimRun(file, app)).rejects.toMatchObject({
      code: 'CLI_WRITE_FAILED',
      kind: 'environment',
    });
  });
});

describe('appNameOf', () => {
  test.for([
    ['/x/shop/app.ts', undefined, 'shop'],
    ['/x/shop/train.ts', undefined, 'train'],
    ['/x/shop/app.ts', 'other', 'other'],
  ] as const)('%s with %s is %s', ([file, given, name], { expect }) => {
    expect(appNameOf(file, given)).toBe(name);
  });

  test.for(['', '..', 'a/b', 'a b', 'x'.repeat(65)])('"%s" is no name', (name, { expect }) => {
    expect(() => appNameOf('/x/app.ts', name)).toThrow(
      expect.objectContaining({ code: 'CLI_APP_NAME_INVALID' }),
    );
  });
});
