import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, onTestFinished, test } from 'vitest';
import {
  SocketServer,
  type ConnectionOwner,
} from '../../../runtime/backends/local/socket-server.ts';
import { lookAtProcess } from '../../../runtime/backends/local/process-group.ts';
import { ProcessRegister } from '../../../runtime/backends/local/process-register.ts';
import { PROTOCOL_VERSION } from '../../../runtime/protocol/version.ts';
import { cleanEnvironment, isAlive, LocalRig } from '../../support/local-rig.ts';
import { until } from '../../support/until.ts';

const PARENT = fileURLToPath(new URL('../../fixtures/works/parent.ts', import.meta.url));

describe('what is left', () => {
  test('nothing outlives a flow that is killed, busy works and their children included', async ({
    expect,
  }) => {
    // A folder of its own for sockets and stores, so that what is left can be seen.
    const folder = await mkdtemp(join(tmpdir(), 'fl-'));
    const env = { ...cleanEnvironment(), TMPDIR: folder };
    const parent = spawn(process.execPath, ['--import', 'tsx', PARENT], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    parent.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const line = await until('it prints', () =>
      printed.split('\n').find((text) => text.includes('"pids"')),
    );
    const { pids, directory } = JSON.parse(line) as { pids: number[]; directory: string };
    expect(pids.map(isAlive)).toEqual([true, true, true]);
    const registered = JSON.parse(await readFile(join(directory, 'processes.json'), 'utf8')) as {
      pid: number;
    }[];
    parent.kill('SIGKILL');
    const all = [...pids, ...registered.map(({ pid }) => pid)];
    await until('all are gone', () => !all.some(isAlive));
    expect((await readdir(folder)).filter((name) => name.startsWith('sk-'))).toEqual([]);
    await rm(folder, { recursive: true, force: true });
  });

  test('a process of an earlier run is killed at the start, a stranger with its number is not', async ({
    expect,
  }) => {
    const directory = await mkdtemp(join(tmpdir(), 'lo-'));
    const [old, stranger] = [0, 1].map(() =>
      spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }),
    );
    const [oldPid, strangerPid] = [old?.pid ?? 0, stranger?.pid ?? 0];
    const entries = [
      { pid: oldPid, startedAt: (await lookAtProcess(oldPid))?.startedAt },
      { pid: strangerPid, startedAt: 'another time' },
    ];
    await writeFile(join(directory, 'processes.json'), JSON.stringify(entries));
    const register = await ProcessRegister.open(directory);
    await until('the old one is gone', () => !isAlive(oldPid));
    expect(isAlive(strangerPid)).toBe(true);
    stranger?.kill('SIGKILL');
    await register.close();
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
  });

  test('a register that was cut off is taken as empty', async ({ expect }) => {
    const directory = await mkdtemp(join(tmpdir(), 'lo-'));
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'processes.json'), '[{"pid":1');
    const register = await ProcessRegister.open(directory);
    await register.close();
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
  });

  test('close leaves no process, socket or file', async ({ expect }) => {
    // A folder of its own, so that everything in it is ours.
    const folder = await mkdtemp(join(tmpdir(), 'cl-'));
    const { TMPDIR } = process.env;
    process.env['TMPDIR'] = folder;
    onTestFinished(() => {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    });
    const rig = await LocalRig.open();
    await Promise.all([rig.up('stubborn'), rig.up('ticker')]);
    const sockets = (await readdir(folder)).filter((name) => name.startsWith('sk-'));
    expect(sockets).toHaveLength(1);
    expect((await stat(join(folder, sockets[0] ?? ''))).mode & 0o777).toBe(0o700);
    rig.backend.wantSpare(true);
    const pids = [rig.backend.pidOf('root.stubborn') ?? 0, rig.backend.pidOf('root.ticker') ?? 0];
    const registered = await until('the spare is registered', async () => {
      const entries = JSON.parse(await readFile(join(rig.directory, 'processes.json'), 'utf8')) as {
        pid: number;
      }[];
      return entries.length === 3 ? entries : null;
    });
    await rig.backend.close();
    expect([...pids, ...registered.map(({ pid }) => pid)].filter(isAlive)).toEqual([]);
    expect(existsSync(join(rig.directory, 'processes.json'))).toBe(false);
    await rig.close();
    // Loaders of child processes keep caches there.
    expect((await readdir(folder)).filter((name) => !name.startsWith('tsx-'))).toEqual([]);
    await rm(folder, { recursive: true, force: true });
  });
});

describe('the socket', () => {
  const HELLO = { type: 'hello', protocol: PROTOCOL_VERSION, pid: 1 };

  const open = async () => {
    const server = await SocketServer.open();
    const heard: string[] = [];
    const owner: ConnectionOwner = {
      ref: { work: 'root.w', epoch: 3 },
      connected: () => void heard.push('connected'),
      received: (messages) => heard.push(...messages.map((message) => JSON.stringify(message))),
      broken: (error) => void heard.push(`broken ${(error as { code: string }).code}`),
      closed: () => void heard.push('closed'),
    };
    const slot = server.expect(owner);
    const send = async (...lines: (string | object)[]): Promise<void> => {
      const socket = createConnection(server.path);
      socket.write(
        lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
      );
      await new Promise((resolve) =>
        socket
          .on('close', resolve)
          .on('error', () => undefined)
          .resume(),
      );
    };
    return { server, heard, slot, send };
  };

  test('places that killed flows left behind are removed, those in use are not', async ({
    expect,
  }) => {
    const [stale, used] = await Promise.all([0, 1].map(() => mkdtemp(join(tmpdir(), 'sk-'))));
    const listen = async (folder: string) => {
      const path = join(folder, 's');
      const child = spawn(process.execPath, [
        '-e',
        `require('net').createServer().listen(${JSON.stringify(path)})`,
      ]);
      await until('it listens', () => existsSync(path));
      const longAgo = Date.now() / 1_000 - 3_600;
      await utimes(path, longAgo, longAgo);
      return child;
    };
    const [dead, alive] = [await listen(stale ?? ''), await listen(used ?? '')];
    dead.kill('SIGKILL');
    await until('it is gone', () => dead.signalCode !== null);
    const server = await SocketServer.open();
    expect([existsSync(stale ?? ''), existsSync(used ?? '')]).toEqual([false, true]);
    await server.close();
    alive.kill('SIGKILL');
    await rm(used ?? '', { recursive: true, force: true });
  });

  test('garbage ends the connection, after what came before it was taken', async ({ expect }) => {
    const { server, heard, slot, send } = await open();
    await send({ ...HELLO, slot }, { type: 'loaded' }, 'garbage');
    expect(heard).toEqual([
      'connected',
      '{"type":"loaded"}',
      'broken PROTOCOL_MESSAGE_INVALID',
      'closed',
    ]);
    await server.close();
  });

  test('a delta is taken as one of the launch that the connection belongs to', async ({
    expect,
  }) => {
    const { server, heard, slot, send } = await open();
    await send(
      { ...HELLO, slot },
      { type: 'delta', work: 'root.other', epoch: 9, seq: 1, ops: [] },
      'end',
    );
    expect(heard[1]).toBe('{"type":"delta","delta":{"work":"root.w","epoch":3,"seq":1,"ops":[]}}');
    await server.close();
  });

  test.for([
    [
      'a path to a prototype',
      { seq: 1, ops: [{ op: 'replace', path: '/vars/__proto__/x', value: 1 }] },
      'STATE_KEY_FORBIDDEN',
    ],
    ['no operations', { seq: 1 }, 'STATE_PATCH_INVALID'],
    ['no sequence', { ops: [] }, 'PROTOCOL_MESSAGE_INVALID'],
  ] as const)('a delta with %s is refused', async ([, delta, code], { expect }) => {
    const { server, heard, slot, send } = await open();
    await send({ ...HELLO, slot }, { type: 'delta', ...delta });
    expect(heard).toContain(`broken ${code}`);
    await server.close();
  });

  test('another version of the protocol is refused', async ({ expect }) => {
    const { server, heard, slot, send } = await open();
    await send({ ...HELLO, slot, protocol: 999 });
    expect(heard).toContain('broken PROTOCOL_VERSION_MISMATCH');
    await server.close();
  });

  test('who names no slot, or one that is taken, is cut off', async ({ expect }) => {
    const { server, heard, slot, send } = await open();
    await send({ ...HELLO, slot: 'guessed' });
    expect(heard).toEqual([]);
    await send({ ...HELLO, slot }, 'end');
    const after = heard.length;
    await send({ ...HELLO, slot });
    expect(heard).toHaveLength(after);
    await server.close();
  });
});
