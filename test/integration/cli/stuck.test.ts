import { afterEach, beforeEach, describe, test } from 'vitest';
import { CliRig } from './cli-rig.ts';

const STUCK = `import { App, Flow } from 'stormkite';
class Root extends Flow {
  run() {
    console.log('stuck now');
    for (;;);
  }
}
export default new App(new Root());
`;

describe('an app whose flow never yields', () => {
  let rig: CliRig;
  beforeEach(async () => {
    rig = await CliRig.open();
  });
  // Also after a test that took too long: the app would take a processor from all that come after it.
  afterEach(() => rig.close());

  test('is named with its process, instead of being waited for', async ({ expect }) => {
    const app = rig.app(await rig.write('stuck/app.ts', STUCK));
    await app.prints('stuck now');
    const [get, stop] = await Promise.all([rig.run('state', 'get'), rig.run('stop', '--all')]);
    for (const command of [get, stop]) {
      expect(command.code).toBe(3);
      expect(command.stderr).toContain('CLI_APP_SILENT');
      expect(command.stderr).toContain(`kill -9 ${app.child.pid}`);
    }
    const listed = await rig.run('ps', '--app', 'stuck', '--json');
    expect(listed.code).toBe(0);
    expect(listed.stdout).toContain('"stage":"unreachable"');
    app.child.kill('SIGKILL');
    await app.done;
  });

  test('says so, and ends by Ctrl-C', async ({ expect }) => {
    const app = rig.app(await rig.write('stuck/app.ts', STUCK));
    await app.prints('the flow has not yielded for 3 s; Ctrl-C ends it at once now');
    app.child.kill('SIGINT');
    await app.done;
    expect(app.child.signalCode).toBe('SIGINT');
  });
});
