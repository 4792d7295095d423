import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  SuspendProcessesCommand,
} from '@aws-sdk/client-auto-scaling';
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  outputKeyOf,
  stackNameOf,
  type StackOutput,
} from '../../../runtime/backends/aws/contract.ts';
import { connect } from '../../../runtime/client/index.ts';
import { DeployedApp } from '../../../runtime/host/deployed-app.ts';
import type { DestroyOptions } from '../../../runtime/host/destruction.ts';
import { recordDeployment, recordedDeployments } from '../../../runtime/host/deployments.ts';
import { Cli } from '../../integration/cli/cli-rig.ts';
import { EmulatedRig, type EmulatedApp } from '../../support/emulated-rig.ts';
import {
  ScriptedCloudFormation,
  stackOf,
  type ScriptedStack,
} from '../../support/scripted-cloudformation.ts';

const APP = 'test/fixtures/apps/holding.ts';

describe('destroying a deployed app', { timeout: 180_000 }, () => {
  let rig: EmulatedRig;
  let packed: Awaited<ReturnType<EmulatedRig['pack']>>;
  const saved = { ...process.env };
  beforeAll(async () => {
    rig = await EmulatedRig.open();
    packed = await rig.pack(APP);
    Object.assign(process.env, rig.emulator.environment);
  });
  afterAll(async () => {
    process.env = saved;
    await rig.close();
  });

  const home = (): string => join(rig.folder, 'home');

  /** An app whose work runs, and the stack that CloudFormation would have of it. */
  async function deployed(name: string, of: Partial<ScriptedStack> = {}, isReached = false) {
    const app = await rig.deploy(packed, { name });
    await app.until(
      'the work runs',
      () =>
        app.tasksByWork.has('root.hold') &&
        app.workTasks.every(({ lastStatus }) => lastStatus === 'RUNNING'),
    );
    const stack = await stackOf(app, { ...of, hasUrl: isReached });
    process.env['AWS_ENDPOINT_URL_CLOUDFORMATION'] = stack.endpoint;
    return { app, stack };
  }

  const seen = (app: EmulatedApp) => ({
    tasks: app.tasks.length,
    instances: app.instances.length,
  });
  const destroy = async (
    found: DeployedApp | null,
    given: DestroyOptions,
    { keepState = false } = {},
  ) => {
    const destruction = await found?.prepareDestruction({ keepState });
    await destruction?.run(given);
    return destruction?.kept;
  };
  /** DynamoDB Local does not know protection from deletion: what notes which tables are given it. */
  async function protection() {
    const tables: string[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        const input = JSON.parse(body) as { TableName: string; DeletionProtectionEnabled: boolean };
        if (input.DeletionProtectionEnabled) tables.push(input.TableName);
        response.end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return { tables, server, endpoint: `http://127.0.0.1:${port}` };
  }
  const options = (progress: (line: string) => void = () => undefined) => ({
    pollMs: 50,
    deadlineMs: 60_000,
    progress,
    signal: new AbortController().signal,
  });

  test('ends flow, works and machines, and only then asks for the stack’s end', async ({
    expect,
  }) => {
    const { app, stack } = await deployed('first');
    let atTheEnd: ReturnType<typeof seen> | null = null;
    stack.onDelete = () => {
      atTheEnd = seen(app);
      return {};
    };
    const lines: string[] = [];
    const found = await DeployedApp.find(home(), 'first', process.env);
    expect(found).toMatchObject({ name: 'first', region: 'us-east-1', stack: 'stormkite-first' });
    expect(
      await destroy(
        found,
        options((line) => lines.push(line)),
      ),
    ).toEqual([]);
    expect(atTheEnd).toEqual({ tasks: 0, instances: 0 });
    expect(stack.isGone).toBe(true);
    const order = ['ending the flow', 'stopping the task', 'terminating i-', 'deleting the stack'];
    const places = order.map((text) => lines.findIndex((line) => line.startsWith(text)));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
    found?.close();
    await stack.close();
  });

  test('asks for nothing of the stack while a work does not end', async ({ expect }) => {
    const { app, stack } = await deployed('stuck');
    const [instance] = app.instances;
    // Its tasks go on unheard: ECS cannot stop them.
    rig.emulator.addFault({ kind: 'agent-lost', instance: instance?.id ?? '' });
    const found = await DeployedApp.find(home(), 'stuck', process.env);
    await expect(destroy(found, { ...options(), deadlineMs: 1_500 })).rejects.toMatchObject({
      code: 'DESTROY_LEFT',
      message: expect.stringContaining('1 tasks (arn:'),
    });
    expect(stack.calls).not.toContain('DeleteStack');
    expect(app.workTasks).toHaveLength(1);
    rig.emulator.addFault({ kind: 'agent-lost', instance: instance?.id ?? '', connected: true });
    await destroy(found, options());
    expect(seen(app)).toEqual({ tasks: 0, instances: 0 });
    expect(stack.isGone).toBe(true);
    found?.close();
    await stack.close();
  });

  test('keeps the tables when it is asked to, protected from deletion', async ({ expect }) => {
    const { app, stack } = await deployed('kept');
    const { tables } = app.deployment;
    stack.onDelete = (retain) =>
      retain.length > 0 ? {} : { State: 'it is protected', Deltas: 'it is protected' };
    const given = await protection();
    const before = process.env['AWS_ENDPOINT_URL_DYNAMODB'];
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = given.endpoint;
    const found = await DeployedApp.find(home(), 'kept', process.env);
    const kept = await destroy(found, options(), { keepState: true });
    expect(kept).toEqual([tables.state, tables.deltas]);
    expect(stack.retained).toEqual([[], ['State', 'Deltas']]);
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = before;
    expect(given.tables).toEqual([tables.state, tables.deltas]);
    found?.close();
    await stack.close();
    given.server.close();
  });

  test('names tables that the stack itself keeps, and leaves them as they are', async ({
    expect,
  }) => {
    const policies = { State: 'Retain', Deltas: 'RetainExceptOnCreate', Group0: 'Retain' };
    const { app, stack } = await deployed('policy', { policies });
    const { state, deltas } = app.deployment.tables;
    const given = await protection();
    const env = {
      ...process.env,
      STORMKITE_HOME: home(),
      AWS_ENDPOINT_URL_DYNAMODB: given.endpoint,
    };
    const args = ['destroy', '--app', 'policy', '--yes'];
    expect(await new Cli(args, { cwd: rig.folder, env }).done).toMatchObject({
      code: 0,
      stdout: `policy is gone; its state is in ${state} and ${deltas}, which its stack keeps\n`,
    });
    expect(stack.isGone).toBe(true);
    expect(given.tables).toEqual([]);
    await stack.close();
    given.server.close();
  });

  test('says what CloudFormation could not delete, whatever its events tell', async ({
    expect,
  }) => {
    const { stack } = await deployed('refused', { resources: { Vpc: ['AWS::EC2::VPC', 'vpc-1'] } });
    stack.onDelete = () => ({ Vpc: 'it has dependencies' });
    const found = await DeployedApp.find(home(), 'refused', process.env);
    const refusal = (problem: string) => ({
      code: 'DESTROY_STACK_FAILED',
      message: `the stack stormkite-refused was not deleted: ${problem}`,
    });
    const vpc = refusal('Vpc (it has dependencies)');
    const lines: string[] = [];
    const telling = options((line) => lines.push(line));
    await expect(destroy(found, telling)).rejects.toMatchObject(vpc);
    expect(lines).toContain('DELETE_FAILED Vpc: it has dependencies');
    // A deletion that another destroy began.
    stack.status = 'DELETE_IN_PROGRESS';
    await expect(destroy(found, options())).rejects.toMatchObject(vpc);
    stack.refused.add('DescribeStackEvents');
    await expect(destroy(found, options())).rejects.toMatchObject(vpc);
    stack.onDelete = () => ({ Unlisted: 'it is in use' });
    await expect(destroy(found, options())).rejects.toMatchObject(
      refusal('stormkite-refused (The following resource(s) failed to delete: [Unlisted].)'),
    );
    found?.close();
    await stack.close();
  });

  test('from the command line pauses the works first, and forgets the app', async ({ expect }) => {
    const { app, stack } = await deployed('told', {}, true);
    await recordDeployment(home(), 'told', {
      region: 'us-east-1',
      stack: stackNameOf('told'),
      appFile: APP,
      deployedAt: new Date().toISOString(),
    });
    const env = {
      ...process.env,
      STORMKITE_HOME: home(),
      AWS_ENDPOINT_URL_CLOUDFORMATION: stack.endpoint,
    };
    const run = (...args: string[]) => new Cli(args, { cwd: rig.folder, env }).done;
    expect(await run('destroy', '--app', 'told')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('DEPLOY_NOT_CONFIRMED'),
    });
    expect(seen(app).instances).toBe(1);
    const done = await run('destroy', '--app', 'told', '--yes', '--json');
    expect(done).toMatchObject({ code: 0 });
    expect(JSON.parse(done.stdout)).toEqual({ app: 'told', stack: 'stormkite-told', kept: [] });
    expect(app.results[0]).toMatchObject({ stage: 'interrupted' });
    expect(seen(app)).toEqual({ tasks: 0, instances: 0 });
    expect(await recordedDeployments(home())).not.toHaveProperty('told');
    expect(await run('destroy', '--app', 'told', '--yes')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('DEPLOY_STACK_UNKNOWN'),
    });
    await stack.close();
  });

  test('of a stack with more than a hundred resources finds every table and group', async ({
    expect,
  }) => {
    const rest = Array.from(
      { length: 230 },
      (_, index) => [`Rest${index}`, ['AWS::EC2::Route', `r-${index}`]] as const,
    );
    const { app, stack } = await deployed('large', { resources: Object.fromEntries(rest) });
    const found = await DeployedApp.find(home(), 'large', process.env);
    await destroy(found, options());
    expect(seen(app)).toEqual({ tasks: 0, instances: 0 });
    expect(stack.isGone).toBe(true);
    found?.close();
    await stack.close();
  });

  test('touches nothing of a stack that cannot, or must not, be deleted', async ({ expect }) => {
    const { app, stack } = await deployed('guarded', { isProtected: true });
    const before = seen(app);
    const refused = async (stackNow: ScriptedCloudFormation, keepState = false) => {
      process.env['AWS_ENDPOINT_URL_CLOUDFORMATION'] = stackNow.endpoint;
      const found = await DeployedApp.find(home(), 'guarded', process.env);
      try {
        return await found?.prepareDestruction({ keepState }).catch((error: unknown) => error);
      } finally {
        found?.close();
      }
    };
    expect(await refused(stack)).toMatchObject({
      code: 'DESTROY_PROTECTED',
      hint: expect.stringContaining(
        'aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name stormkite-guarded',
      ),
    });
    const outputs = (...names: StackOutput[]) =>
      Object.fromEntries(
        names.map((name) => [
          outputKeyOf('guarded', name),
          name === 'stateTable' ? app.deployment.tables.state : 'guarded',
        ]),
      );
    const state = ['AWS::DynamoDB::Table', app.deployment.tables.state] as const;
    const name = stackNameOf('guarded');
    const shared = await ScriptedCloudFormation.open({
      name: 'team',
      outputs: outputs('app', 'stateTable'),
      resources: { State: state, Bucket: ['AWS::S3::Bucket', 'data'] },
      elsewhere: { Bucket: 'team/AppData/Resource' },
    });
    // Its stack has a name of its own: it is found by what it tells.
    expect(await refused(shared)).toMatchObject({
      code: 'DESTROY_STACK_SHARED',
      message: expect.stringContaining('team holds more than guarded: Bucket (AWS::S3::Bucket)'),
    });
    const half = await ScriptedCloudFormation.open({
      name,
      outputs: outputs('app', 'stateTable'),
      resources: { State: state },
    });
    expect(await refused(half, true)).toMatchObject({ code: 'DESTROY_TABLES_UNKNOWN' });
    half.status = 'UPDATE_IN_PROGRESS';
    expect(await refused(half)).toMatchObject({ code: 'DESTROY_STACK_BUSY' });
    expect(seen(app)).toEqual(before);
    for (const each of [stack, shared, half]) await each.close();
  });

  test('that is left half-way can be taken back', async ({ expect }) => {
    const { app, stack } = await deployed('half', {}, true);
    const found = await DeployedApp.find(home(), 'half', process.env);
    const leave = new AbortController();
    const lines: string[] = [];
    const left = destroy(found, {
      ...options((line) => {
        lines.push(line);
        if (line.startsWith('terminating')) leave.abort();
      }),
      signal: leave.signal,
    });
    await expect(left).rejects.toMatchObject({ name: 'AbortError' });
    expect(stack.calls).not.toContain('DeleteStack');
    const runs = app.results.length;
    await found?.resume();
    const runsAgain = () => app.workTasks.some(({ lastStatus }) => lastStatus === 'RUNNING');
    const { url } = app;
    await app.until('the flow knows how its work ended', async () => {
      const works = await connect({ url })
        .works()
        .catch(() => []);
      return runsAgain() || works.some(({ status }) => status.stage === 'stopped');
    });
    // A work that was stopped from outside waits to be started.
    await connect({ url }).start('root.hold');
    await app.until('the work runs again', runsAgain);
    expect(app.results).toHaveLength(runs);
    // Also what another process had closed.
    const autoScaling = new AutoScalingClient({ region: 'us-east-1' });
    const [hardware] = Object.values(app.deployment.hardware);
    const name = hardware?.pools[0]?.autoScalingGroup ?? '';
    const launch = { AutoScalingGroupName: name, ScalingProcesses: ['Launch'] };
    await autoScaling.send(new SuspendProcessesCommand(launch));
    await found?.resume();
    const { AutoScalingGroups: groups = [] } = await autoScaling.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
    );
    expect(groups[0]?.SuspendedProcesses ?? []).toEqual([]);
    autoScaling.destroy();
    await destroy(found, options());
    found?.close();
    await stack.close();
  });
});
