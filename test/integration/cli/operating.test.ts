/** Commands about an app's life and its bill, on this machine. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
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
import { priceSnapshot } from '../../../runtime/hardware/price-snapshot.ts';
import { until } from '../../support/until.ts';
import { COUNTER } from './apps.ts';
import { CliRig } from './cli-rig.ts';

const GPU = `import { App, CloudCompute, Flow, Work } from 'stormkite';
class Train extends Work<object> {
  constructor() {
    super({
      parallel: true, cloudCompute: new CloudCompute('gpu', { interruptible: true }),
      secrets: { KEY: 'ssm:/shop/key' }, budget: { dollarsPerDay: 20 },
    });
  }
  run() {}
}
class Root extends Flow { train = new Train(); run() { this.train.run(); } }
export default new App(new Root(), { budget: { dollarsPerDay: 50 } });
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

  test('deploy --dry-run prints the plan with its costs, and changes nothing', async ({
    expect,
  }) => {
    const file = await rig.write('shop/app.ts', GPU);
    const { code, stdout } = await rig.run('deploy', file, '--dry-run', '--json');
    expect(code).toBe(0);
    const plan = deployPlanSchema.parse(JSON.parse(stdout));
    expect(plan).toMatchObject({
      app: 'shop',
      stack: 'stormkite-shop',
      budgetPerDay: 50,
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
    const parts = plan.idlePerMonth.parts.reduce((sum, part) => sum + part.dollars, 0);
    expect(parts).toBeCloseTo(plan.idlePerMonth.total, 2);
    const [, train] = plan.permissions;
    expect(train?.may).toContain('read the secret ssm:/shop/key');
    const text = await rig.run('deploy', file, '--dry-run');
    expect(text.stdout).toContain('idle it costs about');
    expect(text.stdout).toMatch(/root\.train +Train +gpu \(spot\) +g4dn\.xlarge/);
  });

  test('deploy asks before it changes anything, and refuses a CDK that cannot be used', async ({
    expect,
  }) => {
    const file = await rig.write('ask/app.ts', GPU);
    expect(await rig.run('deploy', file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('DEPLOY_NOT_CONFIRMED'),
    });
    await rig.write('node_modules/aws-cdk/package.json', '{"name":"aws-cdk","version":"3.0.0"}');
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
    const file = await rig.write('cdk/app.ts', GPU);
    await mkdir(join(folder, 'node_modules/aws-cdk/bin'), { recursive: true });
    await writeFile(
      join(folder, 'node_modules/aws-cdk/package.json'),
      '{"name":"aws-cdk","version":"2.1148.1"}',
    );
    const program = join(folder, 'node_modules/aws-cdk/bin/cdk');
    const run = (...args: string[]) => rig.start(args, { AWS_REGION: 'eu-north-1' }, folder).done;
    await writeFile(program, 'process.exit(4);\n');
    expect(await run('deploy', file, '--yes')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('cdk deploy ended with code 4'),
    });
    expect(await run('diff', file)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('DEPLOY_CDK_FAILED'),
    });
    await writeFile(
      program,
      `const { writeFileSync } = require('node:fs');
       const args = process.argv.slice(2);
       writeFileSync(${JSON.stringify(join(folder, 'args.json'))}, JSON.stringify(args));
       writeFileSync(args[args.indexOf('--outputs-file') + 1], JSON.stringify({ 'stormkite-cdk': { CdkAppRegion: 'eu-west-1' } }));`,
    );
    const done = await run('deploy', file, '--yes', '-c', 'ui=none');
    expect(done).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('cdk is deployed in eu-west-1'),
    });
    const args = JSON.parse(await readFile(join(folder, 'args.json'), 'utf8')) as string[];
    expect(args.slice(0, 2)).toEqual(['deploy', 'stormkite-cdk']);
    expect(args).toEqual(
      expect.arrayContaining([`app=${file}`, 'name=cdk', 'stackName=stormkite-cdk', 'ui=none']),
    );
    const recorded = JSON.parse(
      await readFile(join(rig.home, 'deployments.json'), 'utf8'),
    ) as object;
    expect(recorded).toMatchObject({
      cdk: { region: 'eu-west-1', stack: 'stormkite-cdk', appFile: file },
    });
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
