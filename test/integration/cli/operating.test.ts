/** Commands about an app's life and its bill, on this machine. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  commandSchema,
  costSchema,
  execSchema,
  deployPlanSchema,
  doctorSchema,
  initSchema,
  openSchema,
  pricesSchema,
} from '../../../cli/schemas.ts';
import { runCdk } from '../../../runtime/host/cdk.ts';
import { priceSnapshot } from '../../../runtime/hardware/price-snapshot.ts';
import { ScriptedCdk } from '../../support/scripted-cdk.ts';
import { until } from '../../support/until.ts';
import { COUNTER } from './apps.ts';
import { CliRig } from './cli-rig.ts';

const GPU = `import { App, CloudCompute, Flow, Work } from 'stormkite';
class Train extends Work<object> {
  constructor() {
    super({
      parallel: true, cloudCompute: new CloudCompute('gpu', { interruptible: true }),
      secrets: { KEY: 'ssm:/shop/key', TOKEN: 'env:SHOP_TOKEN' }, budget: { dollarsPerDay: 20 },
    });
  }
  run() {}
}
class Root extends Flow { train = new Train(); run() { this.train.run(); } }
export default new App(new Root(), { budget: { dollarsPerDay: 50 } });
`;

const LARGE_FLOW = `import { App, CloudCompute, Flow } from 'stormkite';
class Root extends Flow { run() {} }
export default new App(new Root(), { flowCloudCompute: new CloudCompute('cpu-small') });
`;

describe('an app of this machine', () => {
  let rig: CliRig;
  beforeAll(async () => {
    rig = await CliRig.open();
  });
  afterAll(() => rig.close());

  test('is paused with its calls open, and resumed by its name', async ({ expect }) => {
    const app = rig.app(await rig.write('rest/app.ts', COUNTER));
    await app.prints('[root.count] counting from 0');
    await until('it counts', async () => {
      const { stdout } = await rig.run('state', 'get', '/works/count/vars/counter');
      return Number(stdout) > 3;
    });
    const addressOf = async () => JSON.parse((await rig.run('open', '--json')).stdout) as object;
    const address = await addressOf();
    const paused = await rig.run('pause', '--app', 'rest', '--json');
    expect(commandSchema.parse(JSON.parse(paused.stdout))).toEqual({
      app: 'rest',
      command: 'pause',
    });
    expect(await app.done).toMatchObject({ code: 130 });
    expect(rig.isAnnounced('rest')).toBe(false);

    const again = rig.start(['resume', '--app', 'rest']);
    await again.prints('[root.count] counting from ');
    expect(again.stdout).not.toContain('counting from 0\n');
    expect(await addressOf()).toEqual(address);
    await rig.run('stop', '--all', '--app', 'rest');
    expect(await again.done).toMatchObject({ code: 0 });
    expect(await rig.run('resume', '--app', 'rest')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_NOTHING_PAUSED'),
    });
  });

  test('costs nothing, opens where it listens, and takes commands beside its works', async ({
    expect,
  }) => {
    const app = rig.app(await rig.write('here/app.ts', COUNTER), [], { MODEL: 'large' });
    await app.prints('counting from 0');
    const cost = await rig.run('cost', '--json');
    expect(costSchema.parse(JSON.parse(cost.stdout))).toEqual({
      app: 'here',
      mode: 'local',
      flowPerHour: 0,
      cost: null,
    });
    expect(await rig.run('cost')).toMatchObject({
      code: 0,
      stdout: 'here runs on this machine and costs nothing\n',
    });
    const { url } = openSchema.parse(JSON.parse((await rig.run('open', '--json')).stdout));
    expect((await fetch(url)).ok).toBe(true);
    expect(await rig.run('start')).toMatchObject({ code: 0 });

    const beside = await rig.run('exec', 'count', '--', 'sh', '-c', 'echo $MODEL; exit 3');
    expect(beside).toMatchObject({ code: 1, stdout: 'large\n' });
    const asJson = ['exec', 'count', '--json', '--', 'sh', '-c', 'echo $MODEL; exit 3'];
    const told = await rig.run(...asJson);
    expect(told).toMatchObject({ code: 1, stderr: 'large\n' });
    expect(execSchema.parse(JSON.parse(told.stdout))).toEqual({ work: 'root.count', code: 3 });
    const foreign = await rig.run('exec', 'count', '--', 'echo', '--json');
    expect(foreign).toMatchObject({ code: 0, stdout: '--json\n' });
    expect(await rig.run('exec', 'nobody', '--', 'true')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('WORK_UNKNOWN'),
    });
    await rig.run('stop', 'count');
    await until('it has stopped', async () => (await rig.run('ps')).stdout.includes('stopped'));
    expect(await rig.run('exec', 'count', '--', 'true')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_EXEC_NOT_HERE'),
    });
    await rig.run('stop', '--all');
    await app.done;
  });
});

describe('without an account', () => {
  let rig: CliRig;
  beforeAll(async () => {
    rig = await CliRig.open();
  });
  afterAll(() => rig.close());

  test('deploy --dry-run reads the plan from the template, and changes nothing', async ({
    expect,
  }) => {
    const file = await rig.write('shop/app.ts', GPU);
    const { code, stdout, stderr } = await rig.run('deploy', file, '--dry-run', '--json');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const plan = deployPlanSchema.parse(JSON.parse(stdout));
    expect(plan).toMatchObject({
      app: 'shop',
      stack: 'stormkite-shop',
      source: 'template',
      budgetPerDay: 50,
      secrets: ['SHOP_TOKEN'],
      works: [
        {
          name: 'root.train',
          hardware: 'gpu',
          instanceType: 'g4dn.xlarge',
          market: 'spot',
          shared: false,
          budgetPerDay: 20,
        },
      ],
      prices: { region: 'us-east-1', date: priceSnapshot.date },
    });
    // 100 GiB of disk and an address beside the type.
    expect(plan.works[0]?.perHour).toBeCloseTo(0.526 + 8 / 730 + 0.005, 3);
    expect(plan.idlePerMonth.total).toBeGreaterThan(10);
    expect(plan.idlePerMonth.total).toBeLessThan(16);
    const parts = plan.idlePerMonth.parts.reduce((sum, part) => sum + part.dollars, 0);
    expect(parts).toBeCloseTo(plan.idlePerMonth.total, 2);
    const [, train] = plan.permissions;
    expect(train?.may).toContain('read the secret ssm:/shop/key');
    expect(plan.resources).toContainEqual({ what: 'DynamoDB tables', count: 2 });
    const role = plan.iam?.find((each) => each.role.endsWith('/Task/Role'));
    expect(role?.statements).toContainEqual(
      expect.objectContaining({
        effect: 'Allow',
        actions: expect.arrayContaining(['dynamodb:PutItem']),
        conditions: expect.stringContaining('W#'),
      }),
    );
  }, 300_000);

  test('deploy --dry-run counts what the user asks of the stack, and shows its refusals', async ({
    expect,
  }) => {
    const file = await rig.write('large/app.ts', LARGE_FLOW);
    const values = [
      '-c',
      'network=private',
      '-c',
      'nodeImage=123456789012.dkr.ecr.us-east-1.amazonaws.com/node:22',
    ];
    const asked = [...values, '-c', 'stackName=team-large'];
    const { code, stdout } = await rig.run('deploy', file, '--dry-run', ...asked);
    expect(code).toBe(0);
    expect(stdout).toContain('large as the stack team-large');
    expect(stdout).toContain('the flow: Fargate, 2 vCPU, 8 GB, without a public address');
    expect(stdout).toMatch(/\$175\.20 +private network: 24 interface endpoints/);
    expect(stdout).toContain('statement by statement');
    expect(stdout).toMatch(/Allow ecs:RunTask.* on /);
    const refused = await rig.run('deploy', file, '--dry-run', '-c', 'ui=alb');
    expect(refused).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/INFRA_UI_INCOMPLETE[^]*DEPLOY_CDK_FAILED/),
    });
    expect(await rig.run('deploy', file, '--dry-run', '-c', 'alb')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_OPTION_INVALID'),
    });
  }, 300_000);

  test('without a CDK, --dry-run works the plan out and says so; deploy refuses', async ({
    expect,
  }) => {
    const file = await rig.write('ask/app.ts', LARGE_FLOW);
    await rig.write('node_modules/aws-cdk/package.json', '{"name":"aws-cdk","version":"3.0.0"}');
    const values = ['-c', 'ui=alb', '-c', 'network=private'];
    const planned = await rig.run('deploy', file, '--dry-run', '--json', ...values);
    expect(planned).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('the stack is not made, and may differ'),
    });
    const plan = deployPlanSchema.parse(JSON.parse(planned.stdout));
    expect(plan).toMatchObject({ source: 'app', iam: null });
    const told = plan.idlePerMonth.parts.map(({ what }) => what);
    expect(told[0]).toContain('2 vCPU, 8 GB, without a public address');
    expect(plan.idlePerMonth.total).toBeGreaterThan(175 + 16 + 56);
    expect(await rig.run('deploy', file, '--yes')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('DEPLOY_CDK_MISSING'),
    });
    const { code, stdout } = await rig.run('doctor', '--json');
    expect(code).toBe(3);
    const { checks } = doctorSchema.parse(JSON.parse(stdout));
    const found = Object.fromEntries(checks.map(({ name, status }) => [name, status]));
    expect(found).toMatchObject({
      node: 'ok',
      'aws-cdk': 'fail',
      region: 'warn',
      quotas: 'skipped',
    });
    for (const { status, mend } of checks)
      expect(mend === undefined).toBe(status === 'ok' || status === 'skipped');
  });

  test('a CDK that fails is named, and one that succeeds is remembered', async ({ expect }) => {
    const folder = join(rig.directory, 'cdk');
    const file = await rig.write('cdk/app.ts', LARGE_FLOW);
    const run = (...args: string[]) => rig.start(args, { AWS_REGION: 'eu-north-1' }, folder).done;
    await ScriptedCdk.write(folder, { deploy: 'process.exit(4);', diff: 'process.exit(4);' });
    expect(await run('deploy', file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('DEPLOY_NOT_CONFIRMED'),
    });
    expect(await run('deploy', file, '--yes')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('cdk deploy ended with code 4'),
    });
    expect(await run('diff', file)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('DEPLOY_CDK_FAILED'),
    });
    const cdk = await ScriptedCdk.write(folder, {
      deploy: `write(option('--outputs-file'), { [args[1]]: { CdkAppRegion: 'eu-west-1' } });`,
    });
    const done = await run('deploy', file, '--yes', '-c', 'ui=none', '-c', 'stackName=mine');
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('cdk is deployed in eu-west-1'),
    });
    const [made, deployed] = (await cdk.calls()).slice(-2);
    expect(made).toMatchObject({ verb: 'synth' });
    expect(made?.args).toEqual(
      expect.arrayContaining(['mine', `app=${file}`, 'name=cdk', 'stackName=mine', 'ui=none']),
    );
    // What is deployed is what was shown.
    expect(deployed?.verb).toBe('deploy');
    expect(deployed?.args.slice(0, 2)).toEqual(['mine', '--app']);
    expect(deployed?.args[2]).toBe(made?.args[(made.args.indexOf('--output') ?? 0) + 1]);
    const recorded = JSON.parse(
      await readFile(join(rig.home, 'deployments.json'), 'utf8'),
    ) as object;
    expect(recorded).toMatchObject({
      cdk: { 'eu-west-1': { region: 'eu-west-1', stack: 'mine', appFile: file } },
    });
    // The next one there goes to the same stack; another region knows nothing of it.
    const stackIn = async (AWS_REGION: string) => {
      const args = ['deploy', file, '--dry-run', '--json'];
      const { stdout } = await rig.start(args, { AWS_REGION }, folder).done;
      return deployPlanSchema.parse(JSON.parse(stdout)).stack;
    };
    expect(await stackIn('eu-west-1')).toBe('mine');
    expect(await stackIn('eu-north-1')).toBe('stormkite-cdk');
  });

  test('a CDK is not started any more once the command was interrupted', async ({ expect }) => {
    const cwd = join(rig.directory, 'interrupted');
    const cdk = await ScriptedCdk.write(cwd);
    const given = { verb: 'deploy', stack: 'mine', from: 'cdk.out', args: [] } as const;
    const signal = AbortSignal.abort();
    const run = runCdk({ ...given, cwd, env: process.env, signal, isQuiet: true });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(await cdk.calls()).toEqual([]);
  });

  test('init --aws pins the CDK in a project, once', async ({ expect }) => {
    await rig.run('init', 'mine');
    const first = await rig.run('init', 'mine', '--aws', '--json');
    expect(initSchema.parse(JSON.parse(first.stdout)).files).toEqual(['package.json', 'cdk.json']);
    const manifest = JSON.parse(
      await readFile(join(rig.directory, 'mine/package.json'), 'utf8'),
    ) as { devDependencies: object; dependencies: object };
    expect(manifest.devDependencies).toMatchObject({
      'aws-cdk': '2.1148.1',
      'aws-cdk-lib': '2.276.0',
      typescript: expect.any(String),
    });
    expect(manifest.dependencies).toHaveProperty('stormkite');
    const second = await rig.run('init', 'mine', '--aws', '--json');
    expect(initSchema.parse(JSON.parse(second.stdout)).files).toEqual([]);
  });

  test('init --aws needs a package.json', async ({ expect }) => {
    expect(await rig.run('init', 'empty', '--aws')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/CLI_MANIFEST_MISSING[^]*`stormkite init`/),
    });
  });

  test('prices are shown with their day; other regions need one', async ({ expect }) => {
    const shown = await rig.run('prices', '--json');
    expect(pricesSchema.parse(JSON.parse(shown.stdout))).toEqual(priceSnapshot);
    expect((await rig.run('prices')).stdout).toContain(`us-east-1, ${priceSnapshot.date}`);
    expect(await rig.run('prices', '--refresh')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('AWS_REGION_MISSING'),
    });
    expect(await rig.run('prices', '--type', 'c7i.large')).toMatchObject({ code: 2 });
  });

  test('destroy wants a name, and an app that is deployed', async ({ expect }) => {
    expect(await rig.run('destroy')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_USAGE'),
    });
    expect(await rig.run('destroy', '--app', 'nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('DEPLOY_STACK_UNKNOWN'),
    });
  });
});
