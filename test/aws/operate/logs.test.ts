/** What a deployed app printed, while it has no flow and while it rests. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { connect } from '../../../runtime/client/index.ts';
import { CliRig } from '../../integration/cli/cli-rig.ts';
import { EmulatedRig, type EmulatedApp } from '../../support/emulated-rig.ts';
import { stackOf } from '../../support/scripted-cloudformation.ts';

const TALK = `import { App, Flow, Work } from 'stormkite';
export class Speak extends Work<object> {
  run(word: string) { console.log('the work says ' + word); }
}
class Root extends Flow {
  speak = new Speak({ parallel: true });
  run() {
    this.speak.run('hello');
    if (this.speak.hasSucceeded) this.stop('done');
  }
}
export default new App(new Root());
`;

describe('logs of a deployed app', { timeout: 180_000 }, () => {
  let rig: EmulatedRig;
  let cli: CliRig;
  let app: EmulatedApp;
  beforeAll(async () => {
    rig = await EmulatedRig.open();
    cli = await CliRig.open();
    app = await rig.deploy(await rig.pack(await cli.write('talk/app.ts', TALK)), { name: 'talk' });
    await app.until('it rests', () => app.rested.includes('stopped'));
  }, 120_000);
  afterAll(async () => {
    await cli.close();
    await rig.close();
  });

  test('are served by a flow that rests, those of works too', async ({ expect }) => {
    const client = connect({ url: app.url });
    const lines: string[] = [];
    for await (const { source, line } of client.logs(null, { tail: 100 }))
      lines.push(`${source}: ${line}`);
    expect(lines).toContain('root.speak: the work says hello');
  });

  test('are read from the log group while there is no flow, before those of an earlier local run', async ({
    expect,
  }) => {
    await app.scaleFlow(0);
    await app.until('the flow is gone', () => app.flowTasks.length === 0);
    const stale = join(cli.home, 'apps/talk/logs');
    await mkdir(stale, { recursive: true });
    await writeFile(join(stale, 'flow.log'), '2026-11-01T00:00:00.000Z stdout an old local run\n');
    const stack = await stackOf(app);
    const env = { ...rig.emulator.environment, AWS_ENDPOINT_URL_CLOUDFORMATION: stack.endpoint };
    const logs = (...args: string[]) => cli.start(['logs', '--app', 'talk', ...args], env).done;
    const all = await logs();
    expect(all).toMatchObject({ code: 0, stdout: expect.stringContaining('the work says hello') });
    expect(all.stdout).not.toContain('an old local run');
    expect(await logs('speak', '--tail', '1')).toMatchObject({
      code: 0,
      stdout: 'the work says hello\n',
    });
    expect(await logs('nobody')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('WORK_UNKNOWN'),
    });
    const following = cli.start(['logs', '--app', 'talk', '-f'], env);
    await following.prints('the work says hello');
    await app.scaleFlow(1);
    await app.until('it rests again', () => app.rested.length > 1);
    following.child.kill('SIGINT');
    const { code, stdout } = await following.done;
    expect(code).toBe(130);
    expect(stdout.split('the work says hello')).toHaveLength(2);
    // Without anything deployed, the local run is what there is.
    expect(await cli.run('logs', '--app', 'talk')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('an old local run'),
    });
    await stack.close();
  });
});
