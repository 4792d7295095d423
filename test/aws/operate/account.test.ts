/** What is asked of an account: by `prices`, by `doctor`, and on the way to a deployed app. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { costSchema, doctorSchema, pricesSchema } from '../../../cli/schemas.ts';
import {
  CONTRACT_VERSION,
  outputKeyOf,
  WORK_TASK_VARIABLE,
  type StackOutput,
  type WorkTask,
} from '../../../runtime/backends/aws/contract.ts';
import { priceSnapshot } from '../../../runtime/hardware/price-snapshot.ts';
import { CliRig } from '../../integration/cli/cli-rig.ts';
import { ScriptedCdk } from '../../support/scripted-cdk.ts';
import { ScriptedAws, type Answers } from '../../support/scripted-aws.ts';

let rig: CliRig;
let aws: ScriptedAws;
beforeEach(async () => {
  rig = await CliRig.open();
  aws = await ScriptedAws.open({});
});
afterEach(async () => {
  await aws.close();
  await rig.close();
});

const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  rig.start(args, { ...aws.environment, ...env }).done;

const product = (attributes: object, dollars: string) =>
  JSON.stringify({
    product: { attributes },
    terms: { OnDemand: { a: { priceDimensions: { b: { pricePerUnit: { USD: dollars } } } } } },
  });

/** The value of a filter of `GetProducts`. */
function filterOf(input: Readonly<Record<string, unknown>>, field: string): string | undefined {
  const filters = input['Filters'] as { Field: string; Value: string }[];
  return filters.find(({ Field }) => Field === field)?.Value;
}

describe('prices --refresh', () => {
  const PRICES: Readonly<Record<string, string>> = { 'g4dn.xlarge': '0.587', 't3.large': '0.0912' };
  const answers: Answers = {
    GetProducts: (input) => {
      const service = String(input['ServiceCode']);
      const type = filterOf(input, 'instanceType');
      if (type !== undefined)
        // Reservations and the like come first, and cost nothing by the hour.
        return {
          PriceList:
            PRICES[type] === undefined ? [] : [product({}, '0'), product({}, PRICES[type])],
        };
      if (service === 'AmazonECS')
        return {
          PriceList: [
            product({ usagetype: 'EU-Fargate-ARM-GB-Hours' }, '0.0039'),
            product({ usagetype: 'EU-Fargate-ARM-vCPU-Hours:perCPU' }, '0'),
            product({ usagetype: 'EU-Fargate-ARM-vCPU-Hours:perCPU' }, '0.0355'),
            product({ usagetype: 'EU-Fargate-vCPU-Hours:perCPU' }, '0.0449'),
          ],
        };
      if (service === 'AmazonVPC')
        return { PriceList: [product({ usagetype: 'EU-PublicIPv4:InUseAddress' }, '0.0051')] };
      return { PriceList: [product({ volumeApiName: 'gp3' }, '0.088')] };
    },
    DescribeSpotPriceHistory: () => ({
      spotPriceHistorySet: ['0.20', '0.30'].map((spotPrice) => ({
        instanceType: 'g4dn.xlarge',
        spotPrice,
        availabilityZone: 'eu-west-1a',
      })),
    }),
  };

  test('reads those of a region from AWS and keeps them', async ({ expect }) => {
    Object.assign(aws.answers, answers);
    const done = await run(['prices', '--refresh', '--type', 'c7i.large', '--json']);
    expect(done).toMatchObject({ code: 0 });
    const list = pricesSchema.parse(JSON.parse(done.stdout));
    expect(list).toMatchObject({
      region: 'eu-west-1',
      onDemand: { 'g4dn.xlarge': 0.587, 't3.large': 0.0912 },
      spot: { 'g4dn.xlarge': 0.25 },
      fargate: {
        arm64: { vcpuHour: 0.0355, gibHour: 0.0039 },
        // What AWS does not tell is taken from the list that is shipped.
        x86: { vcpuHour: 0.0449, gibHour: 0.004445 },
      },
      gp3GibMonth: 0.088,
      publicIpv4Hour: 0.0051,
    });
    const asked = aws.asked.filter(({ operation }) => operation === 'GetProducts');
    const types = asked.map(({ input }) => filterOf(input, 'instanceType'));
    expect(types).toContain('c7i.large');
    for (const { input } of asked) expect(filterOf(input, 'regionCode')).toBe('eu-west-1');
    const shown = await run(['prices', '--json']);
    expect(JSON.parse(shown.stdout)).toEqual(list);
  });

  test('says what AWS refused', async ({ expect }) => {
    aws.answers['GetProducts'] = () => 'AccessDeniedException';
    expect(await run(['prices', '--refresh'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('AWS_CALL_FAILED'),
    });
    aws.answers['GetProducts'] = () => 'ExpiredTokenException';
    expect(await run(['prices', '--refresh'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('AWS_CREDENTIALS_MISSING'),
    });
  });
});

describe('doctor', () => {
  const answers: Answers = {
    GetCallerIdentity: () => ({
      Account: '123456789012',
      Arn: 'arn:aws:iam::123456789012:user/kim',
    }),
    GetParameter: () => ({ Parameter: { Name: 'v', Value: '21' } }),
    GetServiceQuota: ({ QuotaCode }) => ({
      Quota: { QuotaCode, Value: QuotaCode === 'L-DB2E81BA' ? 0 : 32 },
    }),
  };
  const check = async () => {
    const done = await run(['doctor', '--json']);
    const { checks } = doctorSchema.parse(JSON.parse(done.stdout));
    return { code: done.code, of: (name: string) => checks.find((each) => each.name === name) };
  };

  test('knows the caller, the bootstrap and the quotas', async ({ expect }) => {
    Object.assign(aws.answers, answers);
    const { code, of } = await check();
    expect(code).toBe(0);
    expect(of('credentials')).toMatchObject({
      status: 'ok',
      found: expect.stringContaining('kim'),
    });
    expect(of('cdk bootstrap')).toMatchObject({ status: 'ok', found: 'version 21' });
    expect(of('quota L-1216C47A')).toMatchObject({ status: 'ok' });
    expect(of('quota L-DB2E81BA')).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('0 vCPUs'),
      mend: expect.stringContaining('Service Quotas'),
    });
  });

  test('is content with a quota for the smallest machine of its kind', async ({ expect }) => {
    const quotas: Record<string, number> = {
      'L-1216C47A': 2,
      'L-34B43A08': 1,
      'L-DB2E81BA': 4,
      'L-3819A6DF': 2,
      'L-417A185B': 8,
      'L-7212CCBC': 4,
    };
    Object.assign(aws.answers, answers, {
      GetServiceQuota: ({ QuotaCode }: { QuotaCode: string }) => ({
        Quota: { QuotaCode, Value: quotas[QuotaCode] },
      }),
    });
    const { code, of } = await check();
    const statuses = Object.keys(quotas).map((quota) => [quota, of(`quota ${quota}`)?.status]);
    expect(Object.fromEntries(statuses)).toEqual({
      'L-1216C47A': 'ok',
      'L-34B43A08': 'warn',
      'L-DB2E81BA': 'ok',
      'L-3819A6DF': 'warn',
      'L-417A185B': 'ok',
      'L-7212CCBC': 'warn',
    });
    expect(code).toBe(0);
    quotas['L-1216C47A'] = 1;
    expect((await check()).of('quota L-1216C47A')).toMatchObject({ status: 'fail' });
  });

  test('finds what deploy would: the library of a CDK whose CLI is there', async ({ expect }) => {
    await ScriptedCdk.write(rig.directory);
    const hidden = await rig.write(
      'without-library.cjs',
      `const { Module } = require('node:module');
       const resolve = Module._resolveFilename;
       Module._resolveFilename = (name, ...rest) => {
         if (name.startsWith('aws-cdk-lib')) throw new Error(name + ' is not here');
         return resolve(name, ...rest);
       };`,
    );
    const env = { NODE_OPTIONS: `--require ${hidden}` };
    const done = await rig.start(['doctor', '--json'], env).done;
    expect(done.code).toBe(3);
    const { checks } = doctorSchema.parse(JSON.parse(done.stdout));
    expect(checks.find(({ name }) => name === 'aws-cdk')).toMatchObject({
      status: 'fail',
      found: 'aws-cdk-lib is not installed',
      mend: expect.stringContaining('init --aws'),
    });
  });

  test('tells the line that bootstraps, where that is missing', async ({ expect }) => {
    Object.assign(aws.answers, answers, { GetParameter: () => 'ParameterNotFound' });
    const { code, of } = await check();
    expect(code).toBe(3);
    expect(of('cdk bootstrap')).toMatchObject({
      status: 'fail',
      mend: 'run `npx cdk bootstrap aws://123456789012/eu-west-1`',
    });
  });

  test('skips what needs credentials where there are none', async ({ expect }) => {
    aws.answers['GetCallerIdentity'] = () => 'InvalidClientTokenId';
    const { code, of } = await check();
    expect(code).toBe(3);
    expect(of('credentials')).toMatchObject({
      status: 'fail',
      mend: expect.stringContaining('sso'),
    });
    expect(of('quotas')).toMatchObject({ status: 'skipped' });
  });
});

describe('a deployed app without an address', { timeout: 120_000 }, () => {
  const CLUSTER = 'stormkite-far';
  const TASK = `arn:aws:ecs:eu-west-1:123456789012:task/${CLUSTER}/abc123`;
  let flow: Server;
  let path: string;
  let stage: string;
  /** How often it was asked to start. */
  let started: number;

  beforeEach(async () => {
    stage = 'running';
    started = 0;
    let silent = 0;
    flow = createServer((request, response) => {
      // As a container that is replaced: the tunnel ends with it, and the next one takes its time.
      if (silent > 0) {
        silent -= 1;
        request.socket.destroy();
        return;
      }
      const isAllowed = request.headers.authorization === 'Bearer s3cret';
      if (request.method === 'POST' && request.url === '/api/v1/pause') {
        stage = 'paused';
        silent = 3;
      }
      if (request.method === 'POST' && request.url === '/api/v1/start') {
        stage = 'running';
        started += 1;
      }
      const body = request.url?.startsWith('/api/v1/state')
        ? {}
        : request.url === '/api/v1/works'
          ? []
          : { stage, version: 7, mode: 'aws', pid: 1 };
      response
        .writeHead(isAllowed ? 200 : 401, { 'content-type': 'application/json' })
        .end(JSON.stringify(isAllowed ? body : { code: 'SERVER_TOKEN_REFUSED' }));
    }).listen(0, '127.0.0.1');
    await once(flow, 'listening');
    path = await plugin(
      `const { connect, createServer } = require('node:net');
       const request = JSON.parse(process.argv[6]);
       createServer((socket) => {
         const out = connect(${(flow.address() as AddressInfo).port}, '127.0.0.1');
         socket.on('error', () => out.destroy()); out.on('error', () => socket.destroy());
         socket.pipe(out).pipe(socket);
       }).listen(Number(request.Parameters.localPortNumber[0]), '127.0.0.1');`,
    );
    let count = 1;
    const outputs: Partial<Record<StackOutput, string>> = {
      app: 'far',
      cluster: CLUSTER,
      service: 'flow',
      token: 'far-token',
      // For browsers: the command line takes the tunnel.
      url: 'https://far.example.com',
      ui: 'alb',
    };
    const stack = {
      StackId: 'arn:stack',
      StackName: 'stormkite-far',
      StackStatus: 'CREATE_COMPLETE',
      CreationTime: '2026-11-25T00:00:00Z',
      Outputs: Object.entries(outputs).map(([name, OutputValue]) => ({
        OutputKey: outputKeyOf('far', name as StackOutput),
        OutputValue,
      })),
    };
    Object.assign(aws.answers, {
      DescribeStacks: ({ StackName }) =>
        StackName === undefined || StackName === stack.StackName
          ? { Stacks: [stack] }
          : 'ValidationError',
      ListStackResources: () => ({ StackResourceSummaries: [] }),
      GetSecretValue: () => ({ SecretString: 's3cret' }),
      ListTasks: () => ({ taskArns: count > 0 ? [TASK] : [] }),
      DescribeTasks: () => ({
        tasks: [
          {
            taskArn: TASK,
            lastStatus: 'RUNNING',
            containers: [{ name: 'app', runtimeId: 'abc123-42' }],
          },
        ],
      }),
      UpdateService: ({ desiredCount }) => {
        count = Number(desiredCount);
        silent = 2;
        return {};
      },
      StartSession: () => ({ SessionId: 's-1', StreamUrl: 'wss://x', TokenValue: 't' }),
      TerminateSession: () => ({}),
    } satisfies Answers);
  });
  afterEach(async () => {
    flow.closeAllConnections();
    flow.close();
    await once(flow, 'close');
  });

  /** A Session Manager plugin in a folder of its own; gives a PATH with it. */
  async function plugin(code: string): Promise<string> {
    const folder = join(rig.directory, `bin-${Math.random()}`);
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'session-manager-plugin');
    await writeFile(file, `#!${process.execPath}\n${code}\n`);
    await chmod(file, 0o755);
    return [folder, process.env['PATH'] ?? ''].join(delimiter);
  }

  test('is reached through a tunnel to its flow, with its token', async ({ expect }) => {
    const done = await run(['ps', '--app', 'far', '--json'], { PATH: path });
    expect(done).toMatchObject({ code: 0 });
    expect(JSON.parse(done.stdout)).toMatchObject({
      apps: [
        { name: 'far', stage: 'running', version: 7, url: expect.stringContaining('127.0.0.1') },
      ],
    });
    expect(aws.asked.find(({ operation }) => operation === 'StartSession')?.input).toMatchObject({
      Target: `ecs:${CLUSTER}_abc123_abc123-42`,
      DocumentName: 'AWS-StartPortForwardingSession',
      Parameters: { portNumber: ['8080'] },
    });
  });

  test('is opened in a browser at its own address', async ({ expect }) => {
    const done = await run(['open', '--app', 'far', '--json'], { PATH: path });
    expect(done).toMatchObject({
      code: 0,
      stdout: '{"app":"far","url":"https://far.example.com/view?token=s3cret"}\n',
    });
    expect(aws.asked.map(({ operation }) => operation)).not.toContain('StartSession');
  });

  test('takes commands beside a work, without a tunnel; Ctrl-C is theirs', async ({ expect }) => {
    const workTask: WorkTask = {
      contract: CONTRACT_VERSION,
      app: 'far',
      work: 'root.train',
      key: 'W#Train#root.train',
      epoch: 1,
      tables: { state: 's', deltas: 'd' },
      secretsPath: '/stormkite/far',
      mode: 'aws',
    };
    const environment = [{ name: WORK_TASK_VARIABLE, value: JSON.stringify(workTask) }];
    aws.answers['DescribeTasks'] = () => ({
      tasks: [
        {
          taskArn: TASK,
          lastStatus: 'RUNNING',
          containers: [{ name: 'app', runtimeId: 'abc123-42' }],
          overrides: { containerOverrides: [{ name: 'app', environment }] },
        },
      ],
    });
    aws.answers['ExecuteCommand'] = () => ({
      session: { sessionId: 's-2', streamUrl: 'wss://x', tokenValue: 't' },
    });
    const go = join(rig.directory, 'go');
    const waiting = await plugin(
      `const { existsSync } = require('node:fs');
       console.log('in the container');
       setInterval(() => { if (existsSync(${JSON.stringify(go)})) process.exit(0); }, 20);`,
    );
    const args = ['exec', 'train', '--app', 'far', '--json', '--', 'sh', '-c', 'exit 3'];
    const cli = rig.start(args, { ...aws.environment, PATH: waiting });
    await cli.prints('in the container');
    cli.child.kill('SIGINT');
    cli.child.kill('SIGINT');
    await writeFile(go, '');
    // Session Manager does not tell how the command ended.
    expect(await cli.done).toMatchObject({
      code: 0,
      stdout: '{"work":"root.train","code":null}\n',
    });
    const asked = aws.asked.map(({ operation }) => operation);
    expect(asked).toContain('ExecuteCommand');
    expect(asked).not.toContain('StartSession');
  });

  test('costs what its flow is, whatever its size', async ({ expect }) => {
    aws.answers['DescribeTasks'] = () => ({
      tasks: [
        {
          taskArn: TASK,
          lastStatus: 'RUNNING',
          cpu: '2048',
          memory: '8192',
          containers: [{ name: 'app', runtimeId: 'abc123-42' }],
        },
      ],
    });
    aws.answers['DescribeServices'] = () => ({
      services: [{ networkConfiguration: { awsvpcConfiguration: { assignPublicIp: 'DISABLED' } } }],
    });
    const done = await run(['cost', '--app', 'far', '--json'], { PATH: path });
    expect(done).toMatchObject({ code: 0 });
    const { arm64 } = priceSnapshot.fargate;
    expect(costSchema.parse(JSON.parse(done.stdout)).flowPerHour).toBeCloseTo(
      2 * arm64.vcpuHour + 8 * arm64.gibHour,
      6,
    );
  });

  test('is paused down to its tables, and resumed', async ({ expect }) => {
    const env = { PATH: path, STORMKITE_POLL_MS: '20' };
    const paused = await run(['pause', '--app', 'far', '--json'], env);
    expect(paused).toMatchObject({
      code: 0,
      stdout: '{"app":"far","command":"pause"}\n',
      stderr: expect.stringContaining('its flow does not answer yet'),
    });
    expect(stage).toBe('paused');
    expect(await run(['ps', '--app', 'far'], { PATH: path })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('DEPLOY_FLOW_NOT_RUNNING'),
    });
    expect(await run(['pause', '--app', 'far'], env)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('DEPLOY_FLOW_NOT_RUNNING'),
    });
    const resumed = await run(['resume', '--app', 'far', '--json'], env);
    expect(resumed).toMatchObject({
      code: 0,
      stdout: '{"app":"far","command":"resume"}\n',
      stderr: expect.stringContaining('its flow does not answer yet'),
    });
    expect(stage).toBe('running');
  });

  test('that had ended before it was paused rests when it is resumed', async ({ expect }) => {
    const resume = () =>
      run(['resume', '--app', 'far', '--json'], { PATH: path, STORMKITE_POLL_MS: '20' });
    for (const ended of ['stopped', 'failed']) {
      stage = ended;
      expect(await resume()).toMatchObject({
        code: 0,
        stdout: '{"app":"far","command":"resume"}\n',
        stderr: expect.stringContaining(
          `${ended}; run it again with \`stormkite start --app far\``,
        ),
      });
    }
    expect(started).toBe(0);
    // One that was paused goes on, also when a resume before was cut off.
    stage = 'paused';
    expect((await resume()).stderr).not.toContain('stormkite start');
    expect(await resume()).toMatchObject({ code: 0 });
    expect({ stage, started }).toEqual({ stage: 'running', started: 1 });
  });

  test('says what is missing on the way', async ({ expect }) => {
    expect(await run(['ps', '--app', 'far'], { PATH: dirname(process.execPath) })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('AWS_PLUGIN_MISSING'),
    });
    const broken = await plugin(`console.error('no such document'); process.exit(1);`);
    expect(await run(['ps', '--app', 'far'], { PATH: broken })).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/DEPLOY_TUNNEL_FAILED.*no such document/),
    });
    expect(aws.asked.map(({ operation }) => operation)).toContain('TerminateSession');
    const closed: [StackOutput, string][] = [
      ['app', 'closed'],
      ['ui', 'none'],
    ];
    aws.answers['DescribeStacks'] = ({ StackName }) => {
      if (StackName === 'stormkite-near') return 'ValidationError';
      const Outputs = closed.map(([name, OutputValue]) => ({
        OutputKey: outputKeyOf('closed', name),
        OutputValue,
      }));
      return { Stacks: [{ StackId: 'arn:stack', StackName: 'team', Outputs }] };
    };
    expect(await run(['ps', '--app', 'closed'], { PATH: path })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('DEPLOY_NO_WAY_IN'),
    });
    expect(await run(['ps', '--app', 'near'], { PATH: path })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_APP_UNKNOWN'),
    });
  });
});
