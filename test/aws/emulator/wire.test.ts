import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { ListStreamsCommand } from '@aws-sdk/client-dynamodb-streams';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { DescribeTasksCommand, ListAttributesCommand } from '@aws-sdk/client-ecs';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { DescribeTagsCommand } from '@aws-sdk/client-auto-scaling';
import { describe, test as plain } from 'vitest';
import { createClients, destroyClients } from '../../../runtime/backends/aws/clients.ts';
import { emulatedEnvironment } from '../../../runtime/backends/aws/emulator/environment.ts';
import { parseQuery } from '../../../runtime/backends/aws/emulator/wire/query-input.ts';
import { toXml } from '../../../runtime/backends/aws/emulator/wire/xml.ts';
import { REGION, test } from '../../support/emulator.ts';

interface Captured {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Takes one request of each client, which all find it by their environment. */
async function capture(): Promise<Record<string, Captured>> {
  const captured: Captured[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { method, url, headers } = request;
      captured.push({ method, url, headers, body });
      response.writeHead(400).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const environment = emulatedEnvironment({ endpoint, dynamodbEndpoint: endpoint, region: REGION });
  const before = { ...process.env };
  Object.assign(process.env, environment);
  const clients = await createClients(REGION, [
    'ecs',
    'ec2',
    'autoScaling',
    'dynamodb',
    'streams',
    'logs',
    's3',
    'ssm',
    'secretsManager',
  ]);
  const sends: Record<string, () => Promise<unknown>> = {
    ecs: () => clients.ecs.send(new DescribeTasksCommand({ tasks: ['t'] })),
    ec2: () =>
      clients.ec2.send(
        new DescribeInstancesCommand({
          InstanceIds: ['i-1'],
          Filters: [{ Name: 'n', Values: ['a', 'b'] }],
        }),
      ),
    autoScaling: () =>
      clients.autoScaling.send(
        new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: ['g'] }),
      ),
    dynamodb: () => clients.dynamodb.send(new ListTablesCommand({})),
    streams: () => clients.streams.send(new ListStreamsCommand({})),
    logs: () => clients.logs.send(new DescribeLogGroupsCommand({})),
    s3: () => clients.s3.send(new GetObjectCommand({ Bucket: 'b', Key: 'a/k' })),
    ssm: () => clients.ssm.send(new GetParameterCommand({ Name: 'p' })),
    secretsManager: () => clients.secretsManager.send(new GetSecretValueCommand({ SecretId: 's' })),
  };
  const byService: Record<string, Captured> = {};
  for (const [service, send] of Object.entries(sends)) {
    await send().catch(() => undefined);
    byService[service] = captured.at(-1) as Captured;
    captured.length = 0;
  }
  destroyClients(clients);
  server.close();
  for (const name of Object.keys(environment))
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  return byService;
}

describe('the wire of the pinned SDKs', () => {
  plain('every client speaks the protocol that the emulator understands', async ({ expect }) => {
    const seen = await capture();
    const json = (service: string) => {
      const { method, url, headers } = seen[service] as Captured;
      return [
        method,
        url,
        headers['content-type'],
        headers['x-amz-target'],
        headers['smithy-protocol'],
      ];
    };
    expect(json('ecs')).toEqual([
      'POST',
      '/',
      'application/x-amz-json-1.1',
      'AmazonEC2ContainerServiceV20141113.DescribeTasks',
      undefined,
    ]);
    expect(json('logs')).toEqual([
      'POST',
      '/',
      'application/x-amz-json-1.1',
      'Logs_20140328.DescribeLogGroups',
      undefined,
    ]);
    expect(json('ssm')).toEqual([
      'POST',
      '/',
      'application/x-amz-json-1.1',
      'AmazonSSM.GetParameter',
      undefined,
    ]);
    expect(json('secretsManager')).toEqual([
      'POST',
      '/',
      'application/x-amz-json-1.1',
      'secretsmanager.GetSecretValue',
      undefined,
    ]);
    expect(json('dynamodb')).toEqual([
      'POST',
      '/',
      'application/x-amz-json-1.0',
      'DynamoDB_20120810.ListTables',
      undefined,
    ]);
    expect(json('streams')).toEqual([
      'POST',
      '/',
      'application/x-amz-json-1.0',
      'DynamoDBStreams_20120810.ListStreams',
      undefined,
    ]);
    expect(seen['ec2']).toMatchObject({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1&Filter.1.Name=n&Filter.1.Value.1=a&Filter.1.Value.2=b',
    });
    expect(seen['autoScaling']).toMatchObject({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'Action=DescribeAutoScalingGroups&Version=2011-01-01&AutoScalingGroupNames.member.1=g',
    });
    expect(seen['s3']).toMatchObject({
      method: 'GET',
      url: '/b/a/k?x-id=GetObject',
      headers: { 'x-amz-checksum-mode': 'ENABLED' },
    });
  });

  plain('a form becomes an object with lists in order', ({ expect }) => {
    expect(
      parseQuery('Action=A&Version=1&L.member.2=b&L.member.1=a&T.10=k&T.9=j&O.P.Q=x&E='),
    ).toEqual({
      action: 'A',
      input: { L: ['a', 'b'], T: ['j', 'k'], O: { P: { Q: 'x' } }, E: '' },
    });
    expect(parseQuery('Action=A&__proto__.polluted=1')).toMatchObject({ action: 'A' });
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
  });

  plain('text in XML is escaped', ({ expect }) => {
    expect(toXml('a', { b: '<&">', c: ['x'], d: undefined, e: true, f: 1 }, 'member')).toBe(
      '<a><b>&lt;&amp;&quot;&gt;</b><c><member>x</member></c><e>true</e><f>1</f></a>',
    );
  });

  test('what the emulator does not have is refused in each service’s way', async ({
    rig,
    expect,
  }) => {
    await expect(
      rig.clients.ecs.send(new ListAttributesCommand({ targetType: 'container-instance' })),
    ).rejects.toMatchObject({ name: 'UnknownOperationException' });
    await expect(rig.clients.ec2.send(new DescribeVpcsCommand({}))).rejects.toMatchObject({
      name: 'InvalidAction',
    });
    await expect(rig.clients.autoScaling.send(new DescribeTagsCommand({}))).rejects.toMatchObject({
      name: 'InvalidAction',
    });
    expect((await fetch(`${rig.emulator.endpoint}/_emulator/nothing`)).status).toBe(404);
  });

  test('a page in a browser is refused', async ({ rig, expect }) => {
    const url = `${rig.emulator.endpoint}/_emulator/state`;
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url, { headers: { origin: 'http://evil.example' } })).status).toBe(403);
  });
});
