import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { list } from 'tar';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { bootstrapCommand } from '../../../runtime/backends/aws/bootstrap.ts';
import {
  ARTIFACT_SHA256_VARIABLE,
  ARTIFACT_VARIABLE,
  ROLE_VARIABLE,
  WORK_EXIT_CODES,
} from '../../../runtime/backends/aws/contract.ts';
import { buildArtifact } from '../../../runtime/host/artifact.ts';
import { containerRuntime } from '../../../runtime/host/container-runtime.ts';

const APP = `import { App, Work } from 'stormkite';
import { shout } from 'loud';
import { greeting } from './greeting.ts';
export class Say extends Work { run() { console.log(shout(greeting)); } }
export default new App(new Say());
`;

describe('the artifact of an app', () => {
  let folder: string;

  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  const build = (changes: { ignorePatterns?: string[]; requirements?: string[] } = {}) =>
    buildArtifact({
      appFile: join(folder, 'app.ts'),
      outDirectory: join(folder, '.stormkite'),
      ignorePatterns: [],
      requirements: [],
      ...changes,
    });
  const entriesOf = async (file: string): Promise<string[]> => {
    const entries: string[] = [];
    await list({ file, onReadEntry: (entry) => entries.push(entry.path) });
    return entries;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'artifact-'));
    await put('package.json', '{"name":"p","type":"module"}');
    await put('app.ts', APP);
    await put('greeting.ts', `export const greeting = 'hello';`);
    await put('models/net.bin', 'weights');
    await put('node_modules/loud/package.json', '{"name":"loud","main":"index.js"}');
    await put('node_modules/loud/index.js', `exports.shout = (text) => text.toUpperCase();`);
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('is the same for the same files, and another when one of them changes', async ({
    expect,
  }) => {
    const first = await build();
    expect((await build()).sha256).toBe(first.sha256);
    await put('models/net.bin', 'other weights');
    expect((await build()).sha256).not.toBe(first.sha256);
  });

  test('has the project, the bundle and the runtime, and nothing private', async ({ expect }) => {
    await put('.env', 'TOKEN=1');
    await put('.env.local', 'TOKEN=1');
    await put('.git/config', 'x');
    await put('scratch/notes.txt', 'x');
    await put('data/big.csv', 'x');
    await put('.stormkiteignore', 'scratch/\n');
    await symlink('/etc/hostname', join(folder, 'outside'));
    await symlink(join(folder, 'models/net.bin'), join(folder, 'inside'));
    const { path } = await build({ ignorePatterns: ['*.csv'] });
    const entries = await entriesOf(path);
    expect(entries.filter((entry) => entry.startsWith('app/'))).toEqual([
      'app/.stormkiteignore',
      'app/app.ts',
      'app/greeting.ts',
      'app/inside',
      'app/models/net.bin',
      'app/package.json',
    ]);
    expect(entries).toContain('node_modules/stormkite/dist/runtime/host/task-main.js');
    expect(entries).toContain('node_modules/stormkite/dist/runtime/state/cell.js');
  });

  test('needs a package that was built', async ({ expect }) => {
    await expect(containerRuntime(folder)).rejects.toMatchObject({ code: 'HOST_NOT_BUILT' });
  });

  test('refuses a project that no task could take', async ({ expect }) => {
    await put('data/huge.bin', '');
    // Takes no room on the disk.
    await truncate(join(folder, 'data/huge.bin'), 2 * 1024 ** 3);
    await expect(build()).rejects.toMatchObject({
      code: 'HOST_ARTIFACT_TOO_LARGE',
      hint: expect.stringContaining('data/huge.bin'),
    });
    await build({ ignorePatterns: ['data'] });
  });

  test('refuses a package with a native part, unless the task installs it', async ({ expect }) => {
    await put('node_modules/loud/index.js', `exports.shout = require('./build/loud.node').shout;`);
    await put('node_modules/loud/build/loud.node', 'machine code');
    await expect(build()).rejects.toMatchObject({ code: 'HOST_NATIVE_PACKAGE' });
    const { path } = await build({ requirements: ['loud@1'] });
    expect(await entriesOf(path)).toContain('artifact.json');
  });

  /** Runs a container's command as the emulator does: in an empty folder, with nothing but this environment. */
  const start = async (env: Record<string, string>) => {
    const cwd = await mkdtemp(join(folder, 'task-'));
    const [program = '', ...args] = bootstrapCommand();
    const task = spawn(program, args, {
      cwd,
      env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, TMPDIR: cwd, HOME: cwd, ...env },
    });
    let text = '';
    for (const stream of [task.stdout, task.stderr])
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const [code] = (await once(task, 'close')) as [number];
    return { code, text };
  };

  test('is fetched, verified, unpacked and started by the bootstrap', async ({ expect }) => {
    const { path, sha256 } = await build();
    const { code, text } = await start({
      [ARTIFACT_VARIABLE]: pathToFileURL(path).href,
      [ARTIFACT_SHA256_VARIABLE]: sha256,
      [ROLE_VARIABLE]: 'gardener',
    });
    expect(text).toContain('HOST_TASK_ENVIRONMENT');
    expect(text).toContain('gardener');
    expect(code).toBe(WORK_EXIT_CODES.misdeployed);
  });

  test('is asked for again while S3 refuses it, but not for long what it does not have', async ({
    expect,
  }) => {
    const { path, sha256 } = await build();
    const bytes = await readFile(path);
    const statuses: number[] = [];
    let asked = 0;
    const s3 = createServer((_, response) => {
      response.statusCode = statuses[asked] ?? 404;
      asked += 1;
      response.end(response.statusCode === 200 ? bytes : '<Code>Refused</Code>');
    });
    s3.listen(0, '127.0.0.1');
    await once(s3, 'listening');
    const { port } = s3.address() as AddressInfo;
    const env = {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      [ARTIFACT_VARIABLE]: 's3://bucket/app.tgz',
      [ARTIFACT_SHA256_VARIABLE]: sha256,
      [ROLE_VARIABLE]: 'gardener',
    };
    try {
      statuses.push(403, 403, 503, 200);
      const started = await start(env);
      expect([started.code, asked]).toEqual([WORK_EXIT_CODES.misdeployed, 4]);
      expect(started.text).toContain('trying again: S3 answers 403 for s3://bucket/app.tgz');
      statuses.length = 0;
      asked = 0;
      const missing = await start(env);
      expect([missing.code, asked]).toEqual([WORK_EXIT_CODES.noArtifact, 3]);
    } finally {
      s3.close();
    }
  });

  test(
    'that is not the one that was deployed is not started',
    { timeout: 30_000 },
    async ({ expect }) => {
      const { path, sha256 } = await build();
      const bytes = await readFile(path);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await writeFile(path, bytes);
      const { code, text } = await start({
        [ARTIFACT_VARIABLE]: pathToFileURL(path).href,
        [ARTIFACT_SHA256_VARIABLE]: sha256,
        [ROLE_VARIABLE]: 'work',
      });
      expect(code).toBe(WORK_EXIT_CODES.noArtifact);
      expect(text).toContain(`not ${sha256}`);
    },
  );
});
