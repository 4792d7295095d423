/** The server of a ServerFrontend as a process. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as base, describe, onTestFinished } from 'vitest';
import { ServerFrontend, type ServerFrontendOptions } from '../../../runtime/frontend/frontend.ts';
import { toFrontendSpec, type FrontendSpec } from '../../../runtime/frontend/frontend-spec.ts';
import type { AppError } from '../../../runtime/errors/index.ts';
import { Frontends } from '../../../runtime/host/frontends.ts';
import { cleanEnvironment, isAlive } from '../../support/local-rig.ts';
import { until } from '../../support/until.ts';

const KEEPER = fileURLToPath(new URL('../../../runtime/host/frontend-main.ts', import.meta.url));

/** Answers with its process id and that of a child that ignores SIGTERM. */
const SERVES = `
const { spawn } = require('node:child_process');
const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)"], { stdio: ['ignore', 'pipe', 'inherit'] });
child.stdout.once('data', () => console.log('pids', process.pid, child.pid));
require('node:http').createServer((q, r) => r.end('ok')).listen(process.env.PORT, process.env.HOST);
`;

class Rig {
  readonly frontends: Frontends;
  readonly folder: string;
  readonly lines: string[] = [];
  readonly errors: AppError[] = [];

  private constructor(frontends: Frontends, folder: string, lines: string[], errors: AppError[]) {
    this.frontends = frontends;
    this.folder = folder;
    this.lines = lines;
    this.errors = errors;
  }

  static async open(): Promise<Rig> {
    const folder = await mkdtemp(join(tmpdir(), 'frontends-'));
    const lines: string[] = [];
    const errors: AppError[] = [];
    const frontends = await Frontends.open({
      projectRoot: folder,
      environment: { ...cleanEnvironment(), SECRET: 'x' },
      withheld: ['SECRET'],
      directory: folder,
      rootPath: '',
      stateUrl: 'http://127.0.0.1:1',
      token: 'token',
      logs: { write: ({ source, line }) => lines.push(`${source} ${line}`) },
      timings: { firstWaitMs: 5, maxWaitMs: 10, maxEnds: 3, stopGraceMs: 200 },
      changed: () => undefined,
      failed: (error) => errors.push(error),
    });
    return new Rig(frontends, folder, lines, errors);
  }

  want(...specs: FrontendSpec[]): void {
    this.frontends.want(specs, { isComplete: true });
  }

  async pids(): Promise<number[]> {
    const line = await until('it tells its processes', () =>
      this.lines.findLast((each) => each.includes(' pids ')),
    );
    return line.split(' ').slice(-2).map(Number);
  }

  async close(): Promise<void> {
    await this.frontends.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const test = base.extend<{ rig: Rig }>({
  // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
  rig: async ({}, use) => {
    const rig = await Rig.open();
    await use(rig);
    await rig.close();
  },
});

function node(code: string, options: Partial<ServerFrontendOptions> = {}): FrontendSpec {
  return toFrontendSpec(
    'root',
    new ServerFrontend({ command: [process.execPath, '-e', code], ...options }),
  );
}

describe('a server that ends', () => {
  test('again and again is given up, with its last lines', async ({ rig, expect }) => {
    const spec = node(
      "console.log('line of', process.pid); console.error('no luck'); process.exit(7)",
    );
    rig.want(spec);
    const error = await until('it is given up', () => rig.frontends.get(spec.id)?.error);
    expect(error.code).toBe('FRONTEND_FAILED');
    expect(error.message).toMatch(
      /ended 3 times in a row, the last time with code 7\n.*line of \d+/s,
    );
    expect(error.message).toContain('no luck');
    expect(rig.errors).toEqual([error]);
    expect(rig.lines.filter((line) => line === `frontend:${spec.id} no luck`)).toHaveLength(3);
  });

  test('by a signal says so', async ({ rig, expect }) => {
    const spec = node("process.kill(process.pid, 'SIGABRT')");
    rig.want(spec);
    const error = await until('it is given up', () => rig.frontends.get(spec.id)?.error);
    expect(error.message).toContain('signal SIGABRT');
  });
});

describe('a server that cannot be started', () => {
  test.for([
    ['a folder that is not there', node('0', { cwd: 'nowhere' }), 'nowhere does not exist'],
    [
      'a program that is not there',
      toFrontendSpec('root', new ServerFrontend({ command: ['no-such-program'] })),
      'ENOENT',
    ],
  ] as const)('because of %s is not tried again', async ([, spec, problem], { rig, expect }) => {
    rig.want(spec);
    const error = await until('it failed', () => rig.frontends.get(spec.id)?.error);
    expect(error.code).toBe('FRONTEND_COMMAND_FAILED');
    expect(error.message).toContain(problem);
  });
});

describe('the keeper of a server', () => {
  test('starts nothing when the app is gone before it is up', async ({ rig, expect }) => {
    const ran = join(rig.folder, 'ran');
    const code = `require('node:fs').writeFileSync(${JSON.stringify(ran)}, ''); setInterval(() => {}, 1000)`;
    const keeper = fork(KEEPER, [process.execPath, '-e', code], {
      execArgv: ['--import', 'tsx'],
      env: cleanEnvironment(),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    onTestFinished(() => void keeper.kill('SIGKILL'));
    keeper.disconnect();
    const [exitCode] = (await once(keeper, 'exit')) as [number];
    expect(exitCode).toBe(0);
    expect(existsSync(ran)).toBe(false);
  });
});

describe('a server that runs', () => {
  test('is ready once its port answers, and is the same for the same options', async ({
    rig,
    expect,
  }) => {
    const spec = node(SERVES);
    rig.want(spec);
    expect(rig.frontends.get(spec.id)).toMatchObject({ isReady: false, error: null });
    await until('it is ready', () => rig.frontends.get(spec.id)?.isReady);
    const pids = await rig.pids();
    rig.want(node(SERVES));
    expect(pids.map(isAlive)).toEqual([true, true]);
    expect(rig.lines.filter((line) => line.includes(' pids '))).toHaveLength(1);
  });

  test('ends with all that it started when the layout no longer names it', async ({
    rig,
    expect,
  }) => {
    const spec = node(SERVES);
    rig.want(spec);
    const pids = await rig.pids();
    rig.frontends.want([], { isComplete: false });
    expect(rig.frontends.get(spec.id)).not.toBe(null);
    rig.want();
    expect(rig.frontends.get(spec.id)).toBe(null);
    await until('both are gone', () => !pids.some(isAlive));
    await until('nothing is registered', async () => {
      const text = await readFile(join(rig.folder, 'frontends.json'), 'utf8').catch(() => '[]');
      return text === '[]';
    });
  });

  test('is killed at once when that is asked for', async ({ rig, expect }) => {
    rig.want(node(SERVES));
    const pids = await rig.pids();
    await rig.frontends.kill();
    await until('both are gone', () => !pids.some(isAlive));
    expect(rig.lines.some((line) => line.includes('started again'))).toBe(false);
  });

  test('is given the token, and nobody else’s secret', async ({ rig, expect }) => {
    rig.want(node("console.log('env', process.env.STORMKITE_TOKEN, process.env.SECRET)"));
    const line = await until('it prints', () => rig.lines.find((each) => each.includes(' env ')));
    expect(line).toContain('env token undefined');
  });

  test('is ended when it is closed while it starts', async ({ rig, expect }) => {
    const spec = node(SERVES);
    rig.want(spec);
    await rig.frontends.close();
    expect(rig.frontends.get(spec.id)?.isReady).toBe(false);
  });
});
