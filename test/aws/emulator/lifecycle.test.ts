import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ListTablesCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { describe, test as plain, vi } from 'vitest';
import { openEmulator } from '../../../runtime/backends/aws/emulator/emulator.ts';
import { awsTimings, scaleTimings } from '../../../runtime/backends/aws/emulator/timings.ts';
import { SystemClock } from '../../../runtime/host/system-clock.ts';
import { localConfig, test as withDynamoDb } from '../../support/dynamodb.ts';
import { openRig, test } from '../../support/emulator.ts';
import { isAlive } from '../../support/local-rig.ts';
import { until } from '../../support/until.ts';
import { boot, programs, reaches, runTask, spec } from './app.ts';

const OWNER = fileURLToPath(new URL('emulator-owner.fixture.ts', import.meta.url));
const CLI = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
function node(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawn(process.execPath, ['--import', 'tsx', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'emu-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the life of an emulator', () => {
  test('closing ends every process, every bill and every folder', async ({ expect }) => {
    const rig = await openRig();
    const deployment = await rig.emulator.provision(spec(programs.ignoresTerm));
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    await reaches(rig, deployment, taskArn, 'RUNNING');
    const pids = rig.emulator.state().tasks.flatMap((task) => task.pids);
    expect(pids.map(isAlive)).toEqual([true]);
    await rig.close();
    await rig.emulator.close();
    expect(pids.map(isAlive)).toEqual([false]);
    expect(rig.emulator.billing()).toMatchObject({
      dollarsPerHour: 0,
      lines: [{ endedAt: expect.any(Number) }],
    });
    await expect(fetch(rig.emulator.endpoint)).rejects.toThrow();
  });

  plain.skipIf(!existsSync('/proc'))(
    'a killed emulator takes everything with it, also what left its group',
    async ({ expect }) => {
      await withFolder(async (folder) => {
        const owner = node([OWNER, folder], { TMPDIR: folder });
        const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
        const pids = JSON.parse(line) as number[];
        expect(pids.map(isAlive)).toEqual([true, true]);
        owner.kill('SIGKILL');
        await until('nothing is left', () => !pids.some(isAlive));
      });
    },
  );

  plain.skipIf(!existsSync('/proc'))(
    'the folder of a killed emulator goes with the next one; those of others stay',
    async ({ expect, onTestFinished }) => {
      await withFolder(async (folder) => {
        vi.stubEnv('TMPDIR', folder);
        onTestFinished(() => void vi.unstubAllEnvs());
        const owner = node([OWNER, folder]);
        await once(createInterface({ input: owner.stdout }), 'line');
        const taskFolders = async () =>
          (await readdir(folder)).filter((name) => name.startsWith('skt-ecs-'));
        const openAndClose = async () => {
          await (await openEmulator({ clock: new SystemClock() })).close();
        };
        const [name = ''] = await taskFolders();
        await openAndClose();
        expect(await taskFolders()).toEqual([name]);
        owner.kill('SIGKILL');
        await once(owner, 'close');
        const ofAnotherMachine = name.replace(/^skt-ecs-.{4}/, 'skt-ecs-else');
        const ofProcess = (start: string) =>
          name.replace(/-\d+-\w+-(?=\w{6}$)/, `-${process.ppid}-${start}-`);
        // One whose start nobody could tell, and one whose id another process has now.
        const [ofAnotherProcess, ofEarlierProcess] = [ofProcess(''), ofProcess('0')] as const;
        const link = name.replace(/\w{6}$/, 'linked');
        for (const made of [ofAnotherMachine, ofAnotherProcess, ofEarlierProcess, 'target'])
          await mkdir(join(folder, made));
        await symlink(join(folder, 'target'), join(folder, link));
        await openAndClose();
        expect((await taskFolders()).toSorted()).toEqual(
          [ofAnotherMachine, ofAnotherProcess, link].toSorted(),
        );
        expect(existsSync(join(folder, 'target'))).toBe(true);
      });
    },
  );

  plain(
    'a task whose folder cannot be removed is STOPPED all the same',
    async ({ expect, onTestFinished }) => {
      const folder = await mkdtemp(join(tmpdir(), 'emu-'));
      vi.stubEnv('TMPDIR', folder);
      const printed = vi.spyOn(console, 'error').mockReturnValue();
      onTestFinished(async () => {
        vi.unstubAllEnvs();
        printed.mockRestore();
        await promisify(execFile)('rm', ['-rf', folder]);
      });
      // Nobody can remove it by its path, which is longer than any may be.
      const digs =
        "for (let deep = 0; deep < 25; deep += 1) { fs.mkdirSync('d'.repeat(200)); process.chdir('d'.repeat(200)); }";
      const rig = await openRig();
      const deployment = await rig.emulator.provision(spec(digs));
      await boot(rig, deployment);
      const { taskArn } = await runTask(rig, deployment);
      expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
        stopCode: 'EssentialContainerExited',
        containers: [{ exitCode: 0 }],
      });
      await rig.close();
      expect(printed.mock.calls.map(([what]) => what)).toEqual([
        expect.stringMatching(/-0 could not be removed:$/),
        expect.stringMatching(/skt-ecs-\S+ could not be removed:$/),
      ]);
    },
  );

  plain(
    'closing ends the rest when one part cannot be closed, and tells why',
    async ({ expect, onTestFinished }) => {
      await withFolder(async (folder) => {
        vi.stubEnv('TMPDIR', folder);
        onTestFinished(() => void vi.unstubAllEnvs());
        const directory = join(folder, 'aws');
        const emulator = await openEmulator({ clock: new SystemClock(), directory });
        await rm(directory, { recursive: true });
        await writeFile(directory, 'in the way');
        await expect(emulator.close()).rejects.toMatchObject({ code: 'EEXIST' });
        await expect(fetch(emulator.endpoint)).rejects.toThrow();
        expect(await readdir(folder)).toEqual(['aws']);
      });
    },
  );

  plain('what is kept is there the next time; what ran has ended', async ({ expect }) => {
    await withFolder(async (directory) => {
      const first = await openRig({ directory });
      const deployment = await first.emulator.provision(
        spec(programs.waits, { environmentSecrets: { KEY: 'kept' } }),
      );
      await first.clients.s3.send(new CreateBucketCommand({ Bucket: 'b' }));
      await first.clients.s3.send(new PutObjectCommand({ Bucket: 'b', Key: 'k', Body: 'kept' }));
      const { id } = await boot(first, deployment);
      await first.close();
      expect((await stat(join(directory, 'emulator.json'))).mode & 0o077).toBe(0);
      const second = await openRig({ directory });
      const { Body } = await second.clients.s3.send(
        new GetObjectCommand({ Bucket: 'b', Key: 'k' }),
      );
      expect(await Body?.transformToString()).toBe('kept');
      const parameter = new GetParameterCommand({
        Name: `${deployment.secretsPath}/KEY`,
        WithDecryption: true,
      });
      expect((await second.clients.ssm.send(parameter)).Parameter?.Value).toBe('kept');
      expect(second.emulator.state().instances).toEqual([]);
      expect(second.emulator.billing()).toMatchObject({
        dollarsPerHour: 0,
        lines: [{ id, seconds: 60 }],
      });
      expect((await second.emulator.provision(spec())).taskDefinitions['W']?.['default']).toMatch(
        /:2$/,
      );
      await second.close();
    });
  });

  plain('stored state that is damaged is named, not overwritten', async ({ expect }) => {
    await withFolder(async (directory) => {
      const file = join(directory, 'emulator.json');
      await writeFile(file, '{"version":');
      await expect(openEmulator({ clock: new SystemClock(), directory })).rejects.toMatchObject({
        code: 'EMULATOR_STATE_UNREADABLE',
      });
      expect(await readFile(file, 'utf8')).toBe('{"version":');
    });
  });

  plain('a port that is taken is named', async ({ expect }) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(openEmulator({ clock: new SystemClock(), port })).rejects.toMatchObject({
      code: 'EMULATOR_PORT_TAKEN',
    });
    other.close();
  });

  plain('timings can be scaled', ({ expect }) => {
    expect(scaleTimings(awsTimings, 0.01)).toMatchObject({ bootMs: 900, scaleInMs: 9_000 });
  });

  withDynamoDb('provisioning makes the tables in DynamoDB', async ({ dynamodb, expect }) => {
    const rig = await openRig({ dynamodbEndpoint: dynamodb.endpoint });
    const { tables } = await rig.emulator.provision({ app: 'with-tables', hardware: {} });
    const client = new DynamoDBClient(localConfig(dynamodb.endpoint));
    expect((await client.send(new ListTablesCommand({}))).TableNames).toEqual(
      expect.arrayContaining([tables.state, tables.deltas]),
    );
    expect(rig.emulator.environment).toMatchObject({
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB_STREAMS: dynamodb.endpoint,
    });
    client.destroy();
    await rig.close();
  });

  withDynamoDb(
    'the command prints where it is and what its tasks print, and Ctrl-C ends it',
    async ({ dynamodb, expect }) => {
      const { emulatorLogSchema, emulatorReadySchema } = await import('../../../cli/schemas.ts');
      await withFolder(async (directory) => {
        const options = [
          '--port',
          '0',
          '--dynamodb-endpoint',
          dynamodb.endpoint,
          '--directory',
          directory,
        ];
        const command = node([CLI, 'emulator', ...options, '--json']);
        const lines: string[] = [];
        createInterface({ input: command.stdout }).on('line', (line) => lines.push(line));
        const ready = emulatorReadySchema.parse(
          JSON.parse(await until('it is ready', () => lines[0])),
        );
        expect(ready.environment).toMatchObject({
          AWS_ENDPOINT_URL_ECS: ready.endpoint,
          AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
        });
        const body = JSON.stringify({
          app: 'x',
          hardware: {},
          flow: {
            command: [
              'node',
              '-e',
              "console.log('hello', process.pid); setInterval(() => undefined, 1000)",
            ],
          },
        });
        await fetch(`${ready.endpoint}/_emulator/provision`, { method: 'POST', body });
        const { line, family } = emulatorLogSchema.parse(
          JSON.parse(await until('its task prints', () => lines[1])),
        );
        expect([line, family]).toEqual([expect.stringMatching(/^hello \d+$/), 'stormkite-x-flow']);
        command.kill('SIGINT');
        expect(await once(command, 'close')).toEqual([130, null]);
        expect(isAlive(Number(line.split(' ')[1]))).toBe(false);
        expect(await readdir(directory)).toContain('emulator.json');
      });
    },
  );

  plain('the command refuses a wrong port and a wrong region', async ({ expect }) => {
    for (const args of [
      ['--port', 'x'],
      ['--region', 'moon'],
    ]) {
      const command = node([CLI, 'emulator', ...args]);
      const [code] = (await once(command, 'close')) as [number];
      expect(code).toBe(2);
    }
  });
});
