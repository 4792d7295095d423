import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  outputKeyOf,
  stackNameOf,
  type StackOutput,
} from '../../../runtime/backends/aws/contract.ts';
import { DeployedApp } from '../../../runtime/host/deployed-app.ts';
import { recordDeployment, recordedDeployments } from '../../../runtime/host/deployments.ts';
import { Cli } from '../../integration/cli/cli-rig.ts';
import { EmulatedRig, type EmulatedApp } from '../../support/emulated-rig.ts';
import { ScriptedCloudFormation } from '../../support/scripted-cloudformation.ts';

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
  async function deployed(name: string, more: Partial<Record<StackOutput, string>> = {}) {
    const app = await rig.deploy(packed, { name });
    await app.until(
      'the work runs',
      () =>
        app.tasksByWork.has('root.hold') &&
        app.workTasks.every(({ lastStatus }) => lastStatus === 'RUNNING'),
    );
    const { cluster, tables, hardware } = app.deployment;
    const outputs: Partial<Record<StackOutput, string>> = { cluster, service: 'flow', ...more };
    const groups = Object.values(hardware).flatMap(({ pools }) => pools);
    const stack = await ScriptedCloudFormation.open({
      name: stackNameOf(name),
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([key, value]) => [
          outputKeyOf(name, key as StackOutput),
          value,
        ]),
      ),
      resources: {
        State: ['AWS::DynamoDB::Table', tables.state],
        Deltas: ['AWS::DynamoDB::Table', tables.deltas],
        ...Object.fromEntries(
          groups.map(({ autoScalingGroup }, index) => [
            `Group${index}`,
            ['AWS::AutoScaling::AutoScalingGroup', autoScalingGroup] as const,
          ]),
        ),
      },
    });
    process.env['AWS_ENDPOINT_URL_CLOUDFORMATION'] = stack.endpoint;
    return { app, stack };
  }

  const seen = (app: EmulatedApp) => ({
    tasks: app.tasks.length,
    instances: app.instances.length,
  });
  const options = (progress: (line: string) => void = () => undefined) => ({
    keepState: false,
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
    expect(await found?.destroy(options((line) => lines.push(line)))).toEqual({ kept: [] });
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
    await expect(found?.destroy({ ...options(), deadlineMs: 1_500 })).rejects.toMatchObject({
      code: 'DESTROY_LEFT',
      message: expect.stringContaining('1 tasks (arn:'),
    });
    expect(stack.calls).not.toContain('DeleteStack');
    expect(app.workTasks).toHaveLength(1);
    rig.emulator.addFault({ kind: 'agent-lost', instance: instance?.id ?? '', connected: true });
    await found?.destroy(options());
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
    // DynamoDB Local does not know protection from deletion.
    const protectedTables: string[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        const input = JSON.parse(body) as { TableName: string; DeletionProtectionEnabled: boolean };
        if (input.DeletionProtectionEnabled) protectedTables.push(input.TableName);
        response.end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const before = process.env['AWS_ENDPOINT_URL_DYNAMODB'];
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = `http://127.0.0.1:${port}`;
    const found = await DeployedApp.find(home(), 'kept', process.env);
    const { kept } = (await found?.destroy({ ...options(), keepState: true })) ?? {};
    expect(kept).toEqual([tables.state, tables.deltas]);
    expect(stack.retained).toEqual([[], ['State', 'Deltas']]);
    process.env['AWS_ENDPOINT_URL_DYNAMODB'] = before;
    expect(protectedTables).toEqual([tables.state, tables.deltas]);
    found?.close();
    await stack.close();
    server.close();
  });

  test('says what CloudFormation could not delete', async ({ expect }) => {
    const { stack } = await deployed('refused');
    stack.onDelete = () => ({ Vpc: 'it has dependencies' });
    const found = await DeployedApp.find(home(), 'refused', process.env);
    await expect(found?.destroy(options())).rejects.toMatchObject({
      code: 'DESTROY_STACK_FAILED',
      message: expect.stringContaining('Vpc (it has dependencies)'),
    });
    found?.close();
    await stack.close();
  });

  test('from the command line pauses the works first, and forgets the app', async ({ expect }) => {
    const { app, stack } = await deployed('told', {});
    await stack.close();
    const reachable = await withUrl(app);
    await recordDeployment(home(), 'told', {
      region: 'us-east-1',
      stack: stackNameOf('told'),
      appFile: APP,
      deployedAt: new Date().toISOString(),
    });
    const env = {
      ...process.env,
      STORMKITE_HOME: home(),
      AWS_ENDPOINT_URL_CLOUDFORMATION: reachable.endpoint,
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
    await reachable.close();
  });

  /** The same stack with an address of its own. */
  async function withUrl(app: EmulatedApp) {
    const { cluster } = app.deployment;
    const outputs: [StackOutput, string][] = [
      ['cluster', cluster],
      ['service', 'flow'],
      ['url', app.url],
    ];
    const groups = Object.values(app.deployment.hardware).flatMap(({ pools }) => pools);
    const stack = await ScriptedCloudFormation.open({
      name: stackNameOf(app.name),
      outputs: Object.fromEntries(
        outputs.map(([key, value]) => [outputKeyOf(app.name, key), value]),
      ),
      resources: Object.fromEntries(
        groups.map(({ autoScalingGroup }, index) => [
          `Group${index}`,
          ['AWS::AutoScaling::AutoScalingGroup', autoScalingGroup] as const,
        ]),
      ),
    });
    return stack;
  }
});
