import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { describe, test } from 'vitest';
import { javaMajorOf } from '../../../runtime/backends/aws/emulator/dynamodb-engines.ts';
import { startDynamoDbLocal } from '../../../runtime/backends/aws/emulator/dynamodb-local.ts';

import { localConfig, openLocal } from '../../support/dynamodb.ts';
import { isAlive } from '../../support/local-rig.ts';
import { until } from '../../support/until.ts';

const OWNER = fileURLToPath(new URL('dynamodb-owner.fixture.ts', import.meta.url));
const java = { env: process.env, engines: ['java'] } as const;

async function tablesAt(endpoint: string): Promise<string[]> {
  const client = new DynamoDBClient({ ...localConfig(endpoint), maxAttempts: 1 });
  try {
    return (await client.send(new ListTablesCommand({}))).TableNames ?? [];
  } finally {
    client.destroy();
  }
}

async function createTable(endpoint: string, name: string): Promise<void> {
  const client = new DynamoDBClient(localConfig(endpoint));
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    }),
  );
  client.destroy();
}

describe('DynamoDB Local', async () => {
  const local = await openLocal();
  const reason = 'missing' in local ? local.missing : '';
  if ('close' in local) await local.close();

  test.skipIf(reason !== '')(
    'answers when it is started and is gone when closed',
    async ({ expect }) => {
      const started = await startDynamoDbLocal(java);
      expect(await tablesAt(started.endpoint)).toEqual([]);
      expect(started.how).toMatch(/^Java \d+$/);
      await started.close();
      await started.close();
      expect(isAlive(started.pid ?? 0)).toBe(false);
      await expect(tablesAt(started.endpoint)).rejects.toThrow();
    },
  );

  test.skipIf(reason !== '')(
    'one that runs is used when its endpoint is given, and left running',
    async ({ expect }) => {
      const started = await startDynamoDbLocal(java);
      const env = { ...process.env, STORMKITE_DYNAMODB_ENDPOINT: started.endpoint };
      const given = await startDynamoDbLocal({ env });
      expect(given).toMatchObject({ endpoint: started.endpoint, pid: null });
      await given.close();
      expect(await tablesAt(started.endpoint)).toEqual([]);
      await started.close();
    },
  );

  test.skipIf(reason !== '')(
    'tables in a directory are there again the next time',
    async ({ expect }) => {
      const directory = await mkdtemp(join(tmpdir(), 'ddb-'));
      const first = await startDynamoDbLocal({ ...java, directory });
      await createTable(first.endpoint, 'kept');
      await first.close();
      const second = await startDynamoDbLocal({ ...java, directory });
      expect(await tablesAt(second.endpoint)).toEqual(['kept']);
      await second.close();
      await rm(directory, { recursive: true });
    },
  );

  test.skipIf(reason !== '')('it ends with a process that is killed', async ({ expect }) => {
    const owner = spawn(process.execPath, ['--import', 'tsx', OWNER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
    const { endpoint, pid } = JSON.parse(line) as { endpoint: string; pid: number };
    expect(await tablesAt(endpoint)).toEqual([]);
    owner.kill('SIGKILL');
    await until('DynamoDB Local is gone', () => !isAlive(pid));
  });

  test('an endpoint that does not answer is named', async ({ expect }) => {
    await expect(startDynamoDbLocal({ env: {}, endpoint: 'nowhere' })).rejects.toMatchObject({
      code: 'AWS_DYNAMODB_LOCAL_FAILED',
      message: expect.stringContaining('nowhere'),
    });
  });

  test('an endpoint that takes requests and never answers is given up', async ({ expect }) => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await expect(startDynamoDbLocal({ env: {}, endpoint })).rejects.toMatchObject({
      code: 'AWS_DYNAMODB_LOCAL_FAILED',
      message: expect.stringContaining('nothing within'),
    });
    silent.closeAllConnections();
    silent.close();
  });

  describe('beside an engine of Docker', () => {
    /** A program of that name, which does as the lines say when it is to run the image. */
    async function docker(run: string, onTestFinished: (end: () => Promise<void>) => void) {
      const folder = await mkdtemp(join(tmpdir(), 'docker-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const log = join(folder, 'runs');
      const script = `#!/bin/sh\nif [ "$1" = version ]; then echo 28; exit; fi\necho run >>${log}\n${run}\n`;
      await writeFile(join(folder, 'docker'), script, { mode: 0o755 });
      return {
        env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
        runs: async () => (await readFile(log, 'utf8')).split('run').length - 1,
      };
    }

    test.skipIf(reason !== '')(
      'that cannot have the image, Java serves it',
      async ({ expect, onTestFinished }) => {
        const { env, runs } = await docker('echo no such image >&2; exit 125', onTestFinished);
        const started = await startDynamoDbLocal({ env });
        onTestFinished(() => started.close());
        expect(started.how).toMatch(/^Java \d+$/);
        expect(await runs()).toBe(1);
      },
    );

    test('that fails alone, it is told what all of them said', async ({
      expect,
      onTestFinished,
    }) => {
      const { env, runs } = await docker('echo no such image >&2; exit 125', onTestFinished);
      const without = { ...env, JAVA_HOME: '/nowhere' };
      await expect(startDynamoDbLocal({ env: without })).rejects.toMatchObject({
        code: 'AWS_DYNAMODB_LOCAL_FAILED',
        message: expect.stringMatching(/\(Docker 28\).*no such image; there is no Java/),
      });
      expect(await runs()).toBe(1);
    });

    test('a port that was taken meanwhile is replaced by another one', async ({
      expect,
      onTestFinished,
    }) => {
      const taken = 'echo Bind failed: port is already allocated >&2; exit 125';
      const { env, runs } = await docker(taken, onTestFinished);
      await expect(startDynamoDbLocal({ env, engines: ['docker'] })).rejects.toMatchObject({
        code: 'AWS_DYNAMODB_LOCAL_FAILED',
      });
      expect(await runs()).toBe(3);
    });

    test('that takes long, it is not waited for once that is called off', async ({
      expect,
      onTestFinished,
    }) => {
      const { env, runs } = await docker('exec sleep 600', onTestFinished);
      const calledOff = new AbortController();
      const started = startDynamoDbLocal({ env, signal: calledOff.signal });
      await until('it pulls', () => runs().catch(() => 0));
      calledOff.abort(new Error('enough'));
      await expect(started).rejects.toThrow('enough');
    });
  });

  test('without Java and Docker the error says what to install', async ({ expect }) => {
    const env = { PATH: '/nowhere' };
    await expect(startDynamoDbLocal({ env })).rejects.toMatchObject({
      code: 'AWS_DYNAMODB_LOCAL_MISSING',
      message: expect.stringMatching(/no Docker engine answers; there is no Java/),
      hint: expect.stringContaining('install Java 17'),
    });
  });

  test.for([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_392"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ['something else', 0],
  ] as const)('%s is Java %i', ([text, major], { expect }) => {
    expect(javaMajorOf(text)).toBe(major);
  });
});
