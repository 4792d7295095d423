import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
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
import { APP_BUNDLE } from '../../../runtime/host/artifact-layout.ts';
import { containerRuntime } from '../../../runtime/host/container-runtime.ts';

const APP = `import { App, Work } from 'stormkite';
import { shout } from 'loud';
import { greeting } from './greeting.ts';
export class Say extends Work { run() { console.log(shout(greeting)); } }
export default new App(new Say());
`;

/** Milliseconds; the whole answer takes longer. */
const IDLE_MS = 1_500;
const PARTS = 6;
const LARGE_BYTES = 128 * 1024 ** 2;
const CLASSIC_LEVEL = createRequire(import.meta.url).resolve('classic-level/package.json');

/** What lies about in projects and is nobody else's business. */
const SECRETS = [
  '.envrc',
  '.npmrc',
  '.netrc',
  '.aws/credentials',
  '.docker/config.json',
  '.kube/config',
  '.ssh/config',
  'certs/server.key',
  'certs/server.p12',
  'certs/server.pem',
  'certs/server.pfx',
  'deploy/id_rsa',
  'id_ed25519',
  'service-account-prod.json',
  'terraform/terraform.tfstate',
  'terraform/terraform.tfstate.backup',
  'terraform/terraform.tfstate.1764365000.backup',
];

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
  const textOf = async (file: string, path: string): Promise<string> => {
    const chunks: Buffer[] = [];
    await list({
      file,
      onReadEntry: (entry) => {
        if (entry.path === path) entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      },
    });
    return Buffer.concat(chunks).toString();
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
    for (const path of SECRETS) await put(path, 'x');
    await put('id_map.ts', 'export {};');
    await put('id_cards/front.png', 'x');
    await put('keys/public.key', 'x');
    await put('scratch/notes.txt', 'x');
    await put('data/big.csv', 'x');
    await put('.gitignore', 'models/\n');
    await put('.stormkiteignore', 'scratch/\n!public.key\n');
    await symlink('/etc/hostname', join(folder, 'outside'));
    await symlink(join(folder, 'models/net.bin'), join(folder, 'inside'));
    const { path } = await build({ ignorePatterns: ['*.csv'] });
    const entries = await entriesOf(path);
    expect(entries.filter((entry) => entry.startsWith('app/'))).toEqual([
      'app/.gitignore',
      'app/.stormkiteignore',
      'app/app.ts',
      'app/greeting.ts',
      'app/id_cards/front.png',
      'app/id_map.ts',
      'app/inside',
      'app/keys/public.key',
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

  test('refuses a package that looks for its native part itself', async ({ expect }) => {
    await put(
      'app.ts',
      APP.replace(`{ shout } from 'loud'`, `{ ClassicLevel as shout } from 'classic-level'`),
    );
    await mkdir(join(folder, 'node_modules'), { recursive: true });
    await symlink(dirname(CLASSIC_LEVEL), join(folder, 'node_modules/classic-level'));
    await expect(build()).rejects.toMatchObject({
      code: 'HOST_NATIVE_PACKAGE',
      hint: expect.stringContaining(`['classic-level']`),
    });
    await build({ requirements: ['classic-level'] });
  });

  test.for<[string, object]>([
    ['node-gyp-build', { dependencies: { 'node-gyp-build': '4' } }],
    ['bindings', { dependencies: { bindings: '1' } }],
    ['node-pre-gyp', { dependencies: { '@mapbox/node-pre-gyp': '1' } }],
    ['packages for each platform', { optionalDependencies: { '@loud/linux-x64': '1' } }],
  ])('refuses a package that finds its native part by %s', async ([, manifest], { expect }) => {
    await put('node_modules/loud/package.json', JSON.stringify({ main: 'index.js', ...manifest }));
    await expect(build()).rejects.toMatchObject({ code: 'HOST_NATIVE_PACKAGE' });
  });

  test('refuses a package that names its native part by platform', async ({ expect }) => {
    await put(
      'node_modules/loud/index.js',
      'exports.shout = require(`./bin/${process.platform}/loud.node`).shout;',
    );
    await put('node_modules/loud/bin/linux/loud.node', 'machine code');
    await expect(build()).rejects.toMatchObject({ code: 'HOST_NATIVE_PACKAGE' });
  });

  test.for<[string, object]>([
    ['an optional dependency', { optionalDependencies: { faster: '1' } }],
    [
      'an optional peer',
      { peerDependencies: { faster: '1' }, peerDependenciesMeta: { faster: { optional: true } } },
    ],
  ])('takes a package that can do without %s that is native', async ([, manifest], { expect }) => {
    await put('node_modules/loud/package.json', JSON.stringify({ main: 'index.js', ...manifest }));
    await put(
      'node_modules/loud/index.js',
      `try { exports.shout = require('faster'); } catch { exports.shout = (text) => text.toUpperCase(); }`,
    );
    await put('node_modules/faster/package.json', '{"name":"faster","main":"index.js"}');
    await put('node_modules/faster/index.js', `module.exports = require('bindings')('faster');`);
    await put('node_modules/faster/binding.gyp', '{}');
    const { path } = await build();
    expect(await textOf(path, APP_BUNDLE)).not.toContain(`require('bindings')`);
    await put(
      'node_modules/loud/package.json',
      '{"main":"index.js","dependencies":{"faster":"1"}}',
    );
    await expect(build()).rejects.toMatchObject({ code: 'HOST_NATIVE_PACKAGE' });
  });

  test('takes a package that has JavaScript in place of its native part', async ({ expect }) => {
    await put('node_modules/loud/binding.gyp', '{}');
    await put(
      'node_modules/loud/index.js',
      `try { exports.shout = require('bindings')('loud'); } catch (e) { exports.shout = require('./fallback'); }`,
    );
    await put('node_modules/loud/fallback.js', `module.exports = (text) => text.toUpperCase();`);
    const { path } = await build();
    expect(await textOf(path, APP_BUNDLE)).toContain('toUpperCase');
  });

  /** Runs a container's command as the emulator does: in an empty folder, with nothing but this environment. */
  const start = async (env: Record<string, string>, command = bootstrapCommand()) => {
    const cwd = await mkdtemp(join(folder, 'task-'));
    const [program = '', ...args] = command;
    const task = spawn(program, args, {
      cwd,
      env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, TMPDIR: cwd, HOME: cwd, ...env },
    });
    let text = '';
    for (const stream of [task.stdout, task.stderr])
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const [code] = (await once(task, 'close')) as [number];
    return { code, text, left: await readdir(cwd) };
  };
  /** The same from an S3 that answers as told. */
  const startFromS3 = async (
    sha256: string,
    answer: RequestListener,
    { env = {}, idleMs }: { env?: Record<string, string>; idleMs?: number } = {},
  ) => {
    const s3 = createServer(answer);
    s3.listen(0, '127.0.0.1');
    await once(s3, 'listening');
    const { port } = s3.address() as AddressInfo;
    try {
      return await start(
        {
          AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
          AWS_ACCESS_KEY_ID: 'a',
          AWS_SECRET_ACCESS_KEY: 'b',
          [ARTIFACT_VARIABLE]: 's3://bucket/app.tgz',
          [ARTIFACT_SHA256_VARIABLE]: sha256,
          [ROLE_VARIABLE]: 'gardener',
          ...env,
        },
        bootstrapCommand(idleMs),
      );
    } finally {
      s3.closeAllConnections();
      s3.close();
    }
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
    const answer: RequestListener = (_, response) => {
      response.statusCode = statuses[asked] ?? 404;
      asked += 1;
      response.end(response.statusCode === 200 ? bytes : '<Code>Refused</Code>');
    };
    statuses.push(403, 403, 503, 200);
    const started = await startFromS3(sha256, answer);
    expect([started.code, asked]).toEqual([WORK_EXIT_CODES.misdeployed, 4]);
    expect(started.text).toContain('trying again: S3 answers 403 for s3://bucket/app.tgz');
    statuses.length = 0;
    asked = 0;
    const missing = await startFromS3(sha256, answer);
    expect([missing.code, asked]).toEqual([WORK_EXIT_CODES.noArtifact, 3]);
    expect(missing.left).toEqual([]);
  });

  test('is waited for while bytes come, and asked for again when none do', async ({ expect }) => {
    const { path, sha256 } = await build();
    const bytes = await readFile(path);
    const part = Math.ceil(bytes.length / PARTS);
    let asked = 0;
    const { code, text } = await startFromS3(
      sha256,
      (_, response) => {
        asked += 1;
        // The first answer ends in the middle, without an end.
        const parts = asked === 1 ? 1 : PARTS;
        let sent = 0;
        const timer = setInterval(() => {
          response.write(bytes.subarray(sent * part, (sent + 1) * part));
          sent += 1;
          if (sent < parts) return;
          clearInterval(timer);
          if (parts === PARTS) response.end();
        }, IDLE_MS / 3);
      },
      { idleMs: IDLE_MS },
    );
    expect(text).toContain(`trying again: S3 has sent nothing for ${IDLE_MS} ms`);
    expect([code, asked]).toEqual([WORK_EXIT_CODES.misdeployed, 2]);
  });

  test('takes no more memory when it is large, and leaves nothing when it is no archive', async ({
    expect,
  }) => {
    await put(
      'peak.cjs',
      `let peak = 0;
       const look = () => { peak = Math.max(peak, process.memoryUsage.rss()); };
       setInterval(look, 5).unref();
       process.on('exit', () => { look(); console.log('peak', peak); });`,
    );
    const env = { NODE_OPTIONS: `--require ${join(folder, 'peak.cjs')}` };
    const peakBytes = async (bytes: number): Promise<number> => {
      const body = randomBytes(bytes);
      const sha256 = createHash('sha256').update(body).digest('hex');
      const answer: RequestListener = (_, response) => response.end(body);
      const { code, text, left } = await startFromS3(sha256, answer, { env });
      expect([code, left]).toEqual([WORK_EXIT_CODES.noArtifact, []]);
      return Number(/^peak (\d+)$/m.exec(text)?.[1]);
    };
    const small = await peakBytes(1024);
    expect((await peakBytes(LARGE_BYTES)) - small).toBeLessThan(LARGE_BYTES);
  });

  test(
    'that is not the one that was deployed is not started',
    { timeout: 30_000 },
    async ({ expect }) => {
      const { path, sha256 } = await build();
      const bytes = await readFile(path);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await writeFile(path, bytes);
      const { code, text, left } = await start({
        [ARTIFACT_VARIABLE]: pathToFileURL(path).href,
        [ARTIFACT_SHA256_VARIABLE]: sha256,
        [ROLE_VARIABLE]: 'work',
      });
      expect([code, left]).toEqual([WORK_EXIT_CODES.noArtifact, []]);
      expect(text).toContain(`not ${sha256}`);
    },
  );
});
