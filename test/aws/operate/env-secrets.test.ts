/** Values of `env:NAME` secrets on their way from who deploys to the app's parameters. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { CliRig } from '../../integration/cli/cli-rig.ts';
import { ScriptedAws } from '../../support/scripted-aws.ts';
import { ScriptedCdk } from '../../support/scripted-cdk.ts';

const APP = `import { App, Flow, Work } from 'stormkite';
export class Ask extends Work<object> {
  constructor() { super({ parallel: true, secrets: { KEY: 'env:MODEL_KEY', OTHER: 'env:OTHER_KEY', OWN: 'ssm:/own' } }); }
  run() {}
}
class Root extends Flow { ask = new Ask(); again = new Ask(); run() { this.ask.run(); } }
export default new App(new Root());
`;
const VALUE = 'hush-4711';

describe('env:NAME secrets', { timeout: 120_000 }, () => {
  let rig: CliRig;
  let aws: ScriptedAws;
  let cdk: ScriptedCdk;
  let file: string;
  const stored = new Map<string, { value: string; type: string }>();

  beforeEach(async () => {
    rig = await CliRig.open();
    stored.clear();
    aws = await ScriptedAws.open({
      GetParametersByPath: ({ Path, WithDecryption }) => ({
        Parameters: [...stored]
          .filter(([name]) => name.startsWith(`${String(Path)}/`))
          .map(([Name, { value, type }]) => ({
            Name,
            Type: type,
            ...(WithDecryption === true ? { Value: value } : {}),
          })),
      }),
      PutParameter: ({ Name, Value, Type }) => {
        stored.set(String(Name), { value: String(Value), type: String(Type) });
        return { Version: 1 };
      },
    });
    file = await rig.write('ask/app.ts', APP);
    cdk = await ScriptedCdk.write(join(rig.directory, 'ask'), {
      deploy: `write(option('--outputs-file'), {});`,
    });
  });
  afterEach(async () => {
    await aws.close();
    await rig.close();
  });

  const deploy = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    rig.start(['deploy', file, ...args], { ...aws.environment, ...env }, join(rig.directory, 'ask'))
      .done;
  const asked = (operation: string) => aws.asked.filter((each) => each.operation === operation);

  test('are stored before the stack is deployed, only those that changed', async ({ expect }) => {
    const env = { MODEL_KEY: VALUE, OTHER_KEY: 'other-value' };
    const first = await deploy(['--yes', '--json'], env);
    expect(first).toMatchObject({ code: 0 });
    expect(Object.fromEntries(stored)).toEqual({
      '/stormkite/ask/MODEL_KEY': { value: VALUE, type: 'SecureString' },
      '/stormkite/ask/OTHER_KEY': { value: 'other-value', type: 'SecureString' },
    });
    expect(await deploy(['--yes'], { ...env, OTHER_KEY: 'new' })).toMatchObject({ code: 0 });
    expect(asked('PutParameter').map(({ input }) => input['Name'])).toEqual([
      '/stormkite/ask/MODEL_KEY',
      '/stormkite/ask/OTHER_KEY',
      '/stormkite/ask/OTHER_KEY',
    ]);
    const calls = await cdk.calls();
    expect(calls.map(({ verb }) => verb)).toEqual(['synth', 'deploy', 'synth', 'deploy']);
    expect(JSON.stringify([calls, first.stdout, first.stderr])).not.toContain(VALUE);
  });

  test('that have no value are named before anything is changed', async ({ expect }) => {
    const done = await deploy(['--yes'], { MODEL_KEY: VALUE, OTHER_KEY: '' });
    expect(done).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /DEPLOY_SECRET_MISSING.*env:OTHER_KEY of root\.ask, root\.again has no value here/,
      ),
    });
    expect(aws.asked).toEqual([]);
    expect((await cdk.calls()).map(({ verb }) => verb)).toEqual(['synth']);
    const long = await deploy(['--yes'], { MODEL_KEY: VALUE, OTHER_KEY: 'x'.repeat(5_000) });
    expect(long).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is longer than 4096 bytes'),
    });
    const planned = await deploy(['--dry-run']);
    expect(planned).toMatchObject({ code: 0, stdout: expect.stringContaining('  MODEL_KEY\n') });
    expect(aws.asked).toEqual([]);
  });

  test('are not told by what AWS says of them', async ({ expect }) => {
    aws.answers['PutParameter'] = () => 'ValidationException';
    const env = { MODEL_KEY: VALUE, OTHER_KEY: 'other-value' };
    const done = await deploy(['--yes', '--verbose'], env);
    expect(done).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(
        /DEPLOY_SECRET_NOT_WRITTEN.*\/stormkite\/ask\/MODEL_KEY was not written: ValidationException/,
      ),
    });
    expect(done.stderr).not.toContain('scripted');
    expect((await cdk.calls()).at(-1)?.verb).toBe('synth');
  });

  test('changes of permissions are shown before the question, with credentials', async ({
    expect,
  }) => {
    aws.answers['GetCallerIdentity'] = () => ({ Account: '1', Arn: 'arn:aws:iam::1:user/kim' });
    cdk = await ScriptedCdk.write(join(rig.directory, 'ask'), {
      diff: `console.log('IAM Statement Changes');`,
    });
    const env = { MODEL_KEY: VALUE, OTHER_KEY: 'other-value' };
    expect(await deploy([], env)).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('IAM Statement Changes'),
      stderr: expect.stringContaining('DEPLOY_NOT_CONFIRMED'),
    });
    expect((await cdk.calls()).at(-1)).toMatchObject({
      verb: 'diff',
      args: expect.arrayContaining(['--security-only']),
    });
    aws.answers['GetCallerIdentity'] = () => 'ExpiredTokenException';
    const unknown = await deploy([], env);
    expect(unknown.stderr).toContain('changes of permissions are not known');
    expect(stored.size).toBe(0);
  });
});
