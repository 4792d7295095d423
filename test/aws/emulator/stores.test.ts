import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  CreateLogGroupCommand,
  DeleteLogGroupCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
} from '@aws-sdk/client-secrets-manager';
import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParametersCommand,
  PutParameterCommand,
} from '@aws-sdk/client-ssm';
import { describe, test as plain, vi } from 'vitest';
import { HOST_LINE_HEAD } from '../../../runtime/backends/aws/contract.ts';
import { LineCutter } from '../../../runtime/backends/aws/emulator/logs/line-cutter.ts';
import { toLogPattern } from '../../../runtime/backends/aws/emulator/logs/log-pattern.ts';
import { ObjectStore } from '../../../runtime/backends/aws/emulator/s3/object-store.ts';
import { openRig, test } from '../../support/emulator.ts';
import { until } from '../../support/until.ts';
import { boot, reaches, runTask, spec } from './app.ts';

describe('S3 in the emulator', () => {
  test('an object comes back as it was put, whole or in part', async ({ rig, expect }) => {
    const { s3 } = rig.clients;
    const at = { Bucket: 'assets', Key: 'a b/ü+%&.tgz' };
    await expect(s3.send(new PutObjectCommand({ ...at, Body: 'x' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
    await s3.send(new CreateBucketCommand({ Bucket: 'assets' }));
    await s3.send(new HeadBucketCommand({ Bucket: 'assets' }));
    const body = randomBytes(300_000);
    const { ETag } = await s3.send(
      new PutObjectCommand({
        ...at,
        Body: body,
        ContentType: 'application/gzip',
        Metadata: { sha: 'abc' },
      }),
    );
    expect(ETag).toBe(`"${createHash('md5').update(body).digest('hex')}"`);
    const got = await s3.send(new GetObjectCommand(at));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? [])).toEqual(body);
    expect(got).toMatchObject({
      ContentType: 'application/gzip',
      Metadata: { sha: 'abc' },
      ContentLength: body.length,
    });
    const part = await s3.send(new GetObjectCommand({ ...at, Range: 'bytes=10-19' }));
    expect(Buffer.from((await part.Body?.transformToByteArray()) ?? [])).toEqual(
      body.subarray(10, 20),
    );
    expect(await s3.send(new HeadObjectCommand(at))).toMatchObject({
      ContentLength: body.length,
      ETag,
    });
    await s3.send(new DeleteObjectCommand(at));
    await expect(s3.send(new GetObjectCommand(at))).rejects.toMatchObject({ name: 'NoSuchKey' });
    await expect(s3.send(new HeadObjectCommand(at))).rejects.toMatchObject({ name: 'NotFound' });
    await expect(s3.send(new HeadBucketCommand({ Bucket: 'none' }))).rejects.toMatchObject({
      name: 'NotFound',
    });
  });

  test('a body that is streamed in chunks is put together', async ({ rig, expect }) => {
    const { s3 } = rig.clients;
    await s3.send(new CreateBucketCommand({ Bucket: 'assets' }));
    const body = randomBytes(200_000);
    const chunks = [body.subarray(0, 70_000), body.subarray(70_000)];
    await s3.send(
      new PutObjectCommand({
        Bucket: 'assets',
        Key: 'k',
        Body: Readable.from(chunks),
        ContentLength: body.length,
      }),
    );
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'assets', Key: 'k' }));
    expect(Buffer.from((await Body?.transformToByteArray()) ?? [])).toEqual(body);
  });

  test('a bucket is listed in order, by prefix, by folder and page by page', async ({
    rig,
    expect,
  }) => {
    const { s3 } = rig.clients;
    await s3.send(new CreateBucketCommand({ Bucket: 'assets' }));
    for (const Key of ['b', 'a/2', 'a/1', 'a/c/3'])
      await s3.send(new PutObjectCommand({ Bucket: 'assets', Key, Body: Key }));
    const list = (more: object) => s3.send(new ListObjectsV2Command({ Bucket: 'assets', ...more }));
    expect((await list({})).Contents?.map(({ Key }) => Key)).toEqual(['a/1', 'a/2', 'a/c/3', 'b']);
    expect((await list({ Prefix: 'a/' })).Contents).toHaveLength(3);
    const folders = await list({ Delimiter: '/' });
    expect([folders.CommonPrefixes, folders.Contents?.map(({ Key }) => Key)]).toEqual([
      [{ Prefix: 'a/' }],
      ['b'],
    ]);
    const page = await list({ MaxKeys: 3 });
    expect(page).toMatchObject({ IsTruncated: true, KeyCount: 3 });
    const rest = await list({ MaxKeys: 3, ContinuationToken: page.NextContinuationToken });
    expect(rest.Contents?.map(({ Key, Size }) => [Key, Size])).toEqual([['b', 1]]);
  });
});

describe('objects of the emulator', () => {
  const keyed = test.extend<{ directory: string }>({
    // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
    directory: async ({}, use) => {
      const directory = await mkdtemp(join(tmpdir(), 'objects-'));
      await use(directory);
      await rm(directory, { recursive: true });
    },
  });

  keyed(
    'are read as they were put, whatever is done with them meanwhile',
    async ({ directory, expect }) => {
      const objects = new ObjectStore(directory);
      await objects.createBucket('b');
      const more = { contentType: 'x', headers: {} };
      const turns = Array.from({ length: 30 }, async (_, turn) => {
        const changing =
          turn % 3 === 2
            ? objects.remove('b', 'k')
            : objects.put('b', 'k', randomBytes(turn), more, 0);
        const [found] = await Promise.all([objects.read('b', 'k'), changing]);
        return found === null ? null : [found.object.size, found.body.length];
      });
      expect(await Promise.all(turns)).toEqual(
        turns.map((_, turn) => (turn % 3 === 2 ? null : [turn, turn])),
      );
    },
  );

  keyed(
    'whose files were touched are an error of one request, and of no other',
    async ({ directory, expect }) => {
      const printed = vi.spyOn(console, 'error').mockReturnValue();
      const { clients, emulator, close } = await openRig({ directory });
      await clients.s3.send(new CreateBucketCommand({ Bucket: 'b' }));
      const fileOf = (key: string) =>
        join(directory, 's3', 'b', createHash('sha256').update(key).digest('hex'));
      const get = (Key: string) => clients.s3.send(new GetObjectCommand({ Bucket: 'b', Key }));
      for (const Key of ['whole', 'gone', 'damaged', 'odd'])
        await clients.s3.send(new PutObjectCommand({ Bucket: 'b', Key, Body: Key }));
      await rm(`${fileOf('gone')}.body`);
      await writeFile(`${fileOf('damaged')}.json`, '{');
      const described = JSON.parse(await readFile(`${fileOf('odd')}.json`, 'utf8')) as object;
      await writeFile(`${fileOf('odd')}.json`, JSON.stringify({ ...described, contentType: '€' }));
      await expect(get('gone')).rejects.toMatchObject({ name: 'NoSuchKey' });
      const answer = await fetch(`${emulator.endpoint}/b/damaged`);
      expect([answer.status, await answer.text()]).toEqual([
        500,
        expect.stringContaining('<Code>InternalFailure</Code>'),
      ]);
      await expect(fetch(`${emulator.endpoint}/b/odd`)).rejects.toThrow();
      expect(printed).toHaveBeenCalledWith(
        expect.stringMatching(/^the AWS emulator/),
        expect.any(SyntaxError),
      );
      expect(await (await get('whole')).Body?.transformToString()).toBe('whole');
      await close();
      printed.mockRestore();
    },
  );

  test('have names that can be read', async ({ rig, expect }) => {
    const { endpoint } = rig.emulator;
    const answer = await fetch(`${endpoint}/assets/100%.csv`);
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining('<Code>InvalidURI</Code>'),
    ]);
    const page = { headers: { origin: 'http://evil.example' } };
    expect((await fetch(`${endpoint}/assets/100%.csv`, page)).status).toBe(403);
  });
});

describe('CloudWatch Logs in the emulator', () => {
  const program =
    "console.log('one'); process.stdout.write('three without end'); console.error('two: ERROR x'); setInterval(() => undefined, 1000)";

  test('what containers print is in their streams, and heard at once', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec(program));
    await boot(rig, deployment);
    const { taskArn = '' } = await runTask(rig, deployment);
    await reaches(rig, deployment, taskArn, 'RUNNING');
    // The line without an end was written before the last one, and is heard when the task ends.
    await until('it printed', () => rig.lines.length === 2);
    rig.emulator.addFault({ kind: 'out-of-memory', task: taskArn });
    await reaches(rig, deployment, taskArn, 'STOPPED');
    expect(rig.lines.toSorted()).toEqual(['one', 'three without end', 'two: ERROR x']);
    const { logs } = rig.clients;
    const { logGroup: logGroupName } = deployment;
    const { logStreams } = await logs.send(
      new DescribeLogStreamsCommand({ logGroupName, orderBy: 'LastEventTime', descending: true }),
    );
    const logStreamName = `work/app/${taskArn.split('/').at(-1)}`;
    expect(logStreams).toMatchObject([{ logStreamName, lastEventTimestamp: expect.any(Number) }]);
    const get = (more: object) =>
      logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, ...more }));
    const first = await get({ startFromHead: true, limit: 2 });
    expect(first.events).toHaveLength(2);
    const second = await get({ nextToken: first.nextForwardToken });
    expect(second.events?.map(({ message }) => message)).toEqual(['three without end']);
    const third = await get({ nextToken: second.nextForwardToken });
    expect([third.events, third.nextForwardToken]).toEqual([[], second.nextForwardToken]);
    expect((await get({ limit: 1 })).events?.[0]?.message).toBe('three without end');
    const filter = (more: object) =>
      logs.send(new FilterLogEventsCommand({ logGroupName, ...more }));
    expect((await filter({ filterPattern: 'ERROR' })).events).toMatchObject([
      { logStreamName, message: 'two: ERROR x', eventId: expect.any(String) },
    ]);
    expect((await filter({ logStreamNamePrefix: 'work/', limit: 2 })).nextToken).toBeDefined();
    expect((await filter({ endTime: 1 })).events).toEqual([]);
    await expect(filter({ filterPattern: '%[error%' })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
    await expect(filter({ logGroupName: 'none' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(get({ logStreamName: 'none' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  test('a task whose log group is gone cannot start', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    await rig.clients.logs.send(new DeleteLogGroupCommand({ logGroupName: deployment.logGroup }));
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
      stopCode: 'TaskFailedToStart',
      stoppedReason: expect.stringMatching(/log group does not exist/),
    });
    await rig.clients.logs.send(new CreateLogGroupCommand({ logGroupName: 'mine' }));
    await expect(
      rig.clients.logs.send(new CreateLogGroupCommand({ logGroupName: 'mine' })),
    ).rejects.toMatchObject({ name: 'ResourceAlreadyExistsException' });
    const { logGroups } = await rig.clients.logs.send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: 'mi' }),
    );
    expect(logGroups).toMatchObject([{ logGroupName: 'mine' }]);
  });

  test.for([
    ['ERROR', 'an ERROR', true],
    ['a b', 'b then a', true],
    ['a b', 'only b', false],
    ['"a b"', 'b then a', false],
    ['ERROR -retry', 'ERROR retry', false],
    ['?x ?y', 'has y', true],
    ['%^a.c$%', 'abc', true],
    ['', 'anything', true],
  ] as const)('the pattern %s on "%s" is %s', ([pattern, message, matches], { expect }) => {
    expect(toLogPattern(pattern)(message)).toBe(matches);
  });

  test('lines are cut at line ends, characters stay whole, and very long ones become several', ({
    expect,
  }) => {
    const lines: string[] = [];
    const cutter = new LineCutter((line) => lines.push(line));
    const text = Buffer.from('ä\r\nb\n\n');
    cutter.push(text.subarray(0, 1));
    cutter.push(text.subarray(1));
    cutter.push(Buffer.from('x'.repeat(600_000)));
    cutter.end();
    expect(lines.slice(0, 3)).toEqual(['ä', 'b', '']);
    expect(lines.slice(3).every((line) => line.length <= 262_144)).toBe(true);
    expect(lines.slice(3).join('')).toHaveLength(600_000);
  });

  plain('a line of a host stays whole, however many chunks it comes in', ({ expect }) => {
    const lines: string[] = [];
    const cutter = new LineCutter((line) => lines.push(line));
    const line = `${HOST_LINE_HEAD}"${'x'.repeat(600_000)}"}`;
    const text = Buffer.from(`${line}\n${'y'.repeat(300_000)}\n${line}`);
    for (let at = 0; at < text.length; at += 65_536) cutter.push(text.subarray(at, at + 65_536));
    cutter.end();
    expect([lines[0], lines.at(-1)]).toEqual([line, line]);
    expect(lines.slice(1, -1).join('')).toBe('y'.repeat(300_000));
    expect(lines.slice(1, -1).every(({ length }) => length <= 262_144)).toBe(true);
  });

  test('a long line of a host is heard whole, and several events', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(
      spec(`console.log('${HOST_LINE_HEAD}"' + 'x'.repeat(600_000) + '"}')`),
    );
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    await reaches(rig, deployment, taskArn, 'STOPPED');
    expect(rig.lines.map(({ length }) => length)).toEqual([600_000 + HOST_LINE_HEAD.length + 3]);
    const { events = [] } = await rig.clients.logs.send(
      new FilterLogEventsCommand({ logGroupName: deployment.logGroup }),
    );
    expect(events).toHaveLength(3);
    expect(events.map(({ message }) => message).join('')).toBe(rig.lines[0]);
  });
});

describe('parameters and secrets in the emulator', () => {
  test('a parameter has versions, is read one or several at a time, and is encrypted unless asked', async ({
    rig,
    expect,
  }) => {
    const { ssm } = rig.clients;
    const put = (Value: string, Overwrite = false) =>
      ssm.send(
        new PutParameterCommand({ Name: '/shop/key', Value, Type: 'SecureString', Overwrite }),
      );
    expect((await put('one')).Version).toBe(1);
    await expect(put('two')).rejects.toMatchObject({ name: 'ParameterAlreadyExists' });
    expect((await put('two', true)).Version).toBe(2);
    const get = (more: object) => ssm.send(new GetParameterCommand({ Name: '/shop/key', ...more }));
    expect((await get({ WithDecryption: true })).Parameter).toMatchObject({
      Value: 'two',
      Version: 2,
      Type: 'SecureString',
      LastModifiedDate: expect.any(Date),
    });
    expect((await get({})).Parameter?.Value).not.toBe('two');
    const several = await ssm.send(
      new GetParametersCommand({ Names: ['/shop/key', '/none'], WithDecryption: true }),
    );
    expect(several).toMatchObject({ Parameters: [{ Value: 'two' }], InvalidParameters: ['/none'] });
    await ssm.send(new DeleteParameterCommand({ Name: '/shop/key' }));
    await expect(get({})).rejects.toMatchObject({ name: 'ParameterNotFound' });
  });

  test('a secret is read by its name and its ARN', async ({ rig, expect }) => {
    const { secretsManager } = rig.clients;
    const { ARN } = await secretsManager.send(
      new CreateSecretCommand({ Name: 'token', SecretString: 'a' }),
    );
    await expect(
      secretsManager.send(new CreateSecretCommand({ Name: 'token', SecretString: 'a' })),
    ).rejects.toMatchObject({ name: 'ResourceExistsException' });
    await secretsManager.send(new PutSecretValueCommand({ SecretId: 'token', SecretString: 'b' }));
    for (const SecretId of ['token', ARN])
      expect(
        (await secretsManager.send(new GetSecretValueCommand({ SecretId }))).SecretString,
      ).toBe('b');
    await expect(
      secretsManager.send(new GetSecretValueCommand({ SecretId: 'none' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});
