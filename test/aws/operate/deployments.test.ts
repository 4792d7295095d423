/** Which deployment a command means, where an app has several or several apps would have one. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { outputKeyOf } from '../../../runtime/backends/aws/contract.ts';
import {
  forgetDeployment,
  placeOf,
  recordDeployment,
  recordedDeployments,
} from '../../../runtime/host/deployments.ts';
import { CliRig } from '../../integration/cli/cli-rig.ts';
import { ScriptedAws } from '../../support/scripted-aws.ts';
import { ScriptedCdk } from '../../support/scripted-cdk.ts';
import { ScriptedCloudFormation } from '../../support/scripted-cloudformation.ts';

const FLOW = `import { App, Flow } from 'stormkite';
class Root extends Flow { run() {} }
export default new App(new Root());
`;

let rig: CliRig;
let aws: ScriptedAws;
beforeEach(async () => {
  rig = await CliRig.open();
  aws = await ScriptedAws.open({ GetParametersByPath: () => ({ Parameters: [] }) });
});
afterEach(async () => {
  await aws.close();
  await rig.close();
});

/** A command that finds one stack in every region. */
const runWith = (stack: ScriptedCloudFormation, args: readonly string[], cwd?: string) => {
  const env = { ...aws.environment, AWS_ENDPOINT_URL_CLOUDFORMATION: stack.endpoint };
  return rig.start(args, { ...env, AWS_REGION: 'eu-west-1' }, cwd).done;
};

describe('an app that was deployed to two regions', { timeout: 120_000 }, () => {
  const old = {
    region: 'us-east-1',
    stack: 'mine',
    appFile: '/app.ts',
    deployedAt: '2026-11-25T00:00:00Z',
  };
  const second = { ...old, region: 'eu-west-1', stack: 'stormkite-shop' };

  beforeEach(async () => {
    // As it was written when each app had one record.
    await mkdir(rig.home, { recursive: true });
    await writeFile(join(rig.home, 'deployments.json'), JSON.stringify({ shop: old, other: old }));
  });

  test('has a record of each, which goes alone', async ({ expect }) => {
    const { home } = rig;
    await recordDeployment(home, 'shop', second);
    const other = { 'us-east-1': old };
    const both = { 'us-east-1': old, 'eu-west-1': second };
    expect(await recordedDeployments(home)).toEqual({ shop: both, other });
    await forgetDeployment(home, 'shop', 'eu-west-1');
    expect(await recordedDeployments(home)).toEqual({ shop: { 'us-east-1': old }, other });
    await forgetDeployment(home, 'shop', 'us-east-1');
    await forgetDeployment(home, 'shop', 'us-east-1');
    expect(await recordedDeployments(home)).toEqual({ other });
  });

  test('is where the environment says, else where it was deployed from here', async ({
    expect,
  }) => {
    const { home } = rig;
    const first = { region: 'us-east-1', stack: 'mine', elsewhere: [] };
    expect(await placeOf(home, 'shop', {})).toEqual(first);
    const asked = { region: 'eu-west-1', stack: 'stormkite-shop', elsewhere: ['us-east-1'] };
    expect(await placeOf(home, 'shop', { AWS_DEFAULT_REGION: 'eu-west-1' })).toEqual(asked);
    const nowhere = { region: '', stack: 'stormkite-never', elsewhere: [] };
    expect(await placeOf(home, 'never', {})).toEqual(nowhere);
    await recordDeployment(home, 'shop', second);
    expect(await placeOf(home, 'shop', { AWS_REGION: 'us-east-1' })).toEqual({
      ...first,
      elsewhere: ['eu-west-1'],
    });
    await expect(placeOf(home, 'shop', {})).rejects.toMatchObject({
      code: 'AWS_REGION_MISSING',
      message: 'shop, deployed in us-east-1 and eu-west-1, needs a region',
    });
  });

  test('is destroyed in the region that is asked for, and in no other', async ({ expect }) => {
    const stack = await ScriptedCloudFormation.open({
      name: 'stormkite-shop',
      outputs: {
        [outputKeyOf('shop', 'app')]: 'shop',
        [outputKeyOf('shop', 'stateTable')]: 'state-1',
      },
      resources: { State: ['AWS::DynamoDB::Table', 'state-1'] },
    });
    await recordDeployment(rig.home, 'shop', second);
    const args = ['destroy', '--app', 'shop', '--yes'];
    expect(await runWith(stack, args)).toMatchObject({ code: 0, stdout: 'shop is gone\n' });
    expect([...stack.regions]).toEqual(['eu-west-1']);
    expect(await recordedDeployments(rig.home)).toMatchObject({ shop: { 'us-east-1': old } });
    // Now there is nothing: every command says where it is.
    for (const verb of ['destroy', 'ps', 'resume'])
      expect(await runWith(stack, [verb, '--app', 'shop'])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(
          /DEPLOY_STACK_UNKNOWN {2}shop has no stack .* in eu-west-1\n +hint +set AWS_REGION .*: us-east-1/,
        ),
      });
    expect([...stack.regions]).toEqual(['eu-west-1']);
    await stack.close();
  });
});

describe('an app whose stack is there already', { timeout: 180_000 }, () => {
  test('is not deployed over another app, or over anything else', async ({ expect }) => {
    const open = (outputs: Readonly<Record<string, string>>) =>
      ScriptedCloudFormation.open({ name: 'stormkite-my-app', outputs, resources: {} });
    const folder = join(rig.directory, 'my-app');
    const file = await rig.write('my-app/app.ts', FLOW);
    const cdk = await ScriptedCdk.write(folder, {
      deploy: `write(option('--outputs-file'), {});`,
    });
    const verbs = async () => (await cdk.calls()).map(({ verb }) => verb);
    const deploy = ['deploy', file, '--yes'];
    const theirs = await open({ Bucket: 'data' });
    expect(await runWith(theirs, deploy, folder)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/DEPLOY_STACK_TAKEN.*something else/),
    });
    const stack = await open({ [outputKeyOf('my_app', 'app')]: 'my_app' });
    expect(await runWith(stack, deploy, folder)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /my-app would replace the app my_app: the stack stormkite-my-app in eu-west-1/,
      ),
    });
    expect(await verbs()).toEqual(['synth', 'synth']);
    // A plan needs no account, and changes nothing.
    stack.calls.length = 0;
    for (const args of [
      ['deploy', file, '--dry-run'],
      ['diff', file],
    ])
      expect(await runWith(stack, args, folder)).toMatchObject({ code: 0 });
    expect(stack.calls).toEqual([]);
    // Whoever may not look at stacks may still deploy.
    stack.refused.add('DescribeStacks');
    expect(await runWith(stack, deploy, folder)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('is not known: looking for the stack stormkite-my-app'),
    });
    stack.refused.clear();
    const own = [...deploy, '--name', 'my_app'];
    expect(await runWith(stack, own, folder)).toMatchObject({ code: 0 });
    expect((await verbs()).at(-1)).toBe('deploy');
    for (const each of [theirs, stack]) await each.close();
  });
});
