/** What commands print about a local app and about an emulated one, verb by verb. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { costSchema } from '../../../cli/schemas.ts';
import { CliRig, type Cli, type Done } from '../../integration/cli/cli-rig.ts';
import { until } from '../../support/until.ts';

/** Steady once its work has said where it is; nothing in it counts time. */
const TALK = `import { App, Dict, Flow, Work } from 'stormkite';
export class Listen extends Work<object> {
  heard: string[] = [];
  constructor() { super({ parallel: true, raiseException: false }); }
  async run(word: string) {
    this.heard.push(word);
    console.log('heard ' + word);
    while (!this.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
class Root extends Flow {
  listen = new Listen();
  more = new Dict<Listen>();
  word = 'one';
  wanted: string[] = [];
  run() {
    this.listen.run('hello');
    for (const name of this.wanted) (this.more[name] ??= new Listen()).run(name);
  }
  configureCommands() {
    return [{ name: 'say', description: 'Says a word', handler: () => 'said ' + this.word }];
  }
}
export default new App(new Root());
`;

const PATIENCE_MS = 90_000;

describe('the command line', { timeout: 300_000 }, () => {
  const rigs: CliRig[] = [];
  const runs: Cli[] = [];
  beforeAll(async () => {
    for (const args of [[], ['--emulate-aws']]) {
      const rig = await CliRig.open();
      rigs.push(rig);
      const file = await rig.write('talk/app.ts', TALK);
      runs.push(rig.app(file, ['--no-open', ...args]));
    }
    for (const rig of rigs)
      await until('the work runs', async () => (await statusOf(rig)) === 'running', PATIENCE_MS);
  }, 200_000);
  afterAll(async () => {
    for (const rig of rigs) await rig.close();
  });

  const statusOf = async (rig: CliRig): Promise<string | undefined> => {
    const { stdout } = await rig.run('ps', '--json');
    const { apps } = JSON.parse(stdout) as {
      apps: { works: { status: { stage: string } }[] }[];
    };
    return apps[0]?.works[0]?.status.stage;
  };
  const both = async (...args: string[]): Promise<[Done, Done]> => {
    const done = await Promise.all(rigs.map((rig) => rig.run(...args)));
    return done.map(plain) as [Done, Done];
  };
  const bothUntil = async (stage: string): Promise<void> => {
    for (const rig of rigs)
      await until(`it is ${stage}`, async () => (await statusOf(rig)) === stage, PATIENCE_MS);
  };

  const VERBS: readonly (readonly string[])[] = [
    ['ps'],
    ['state', 'get', '/vars'],
    ['state', 'get', '/works/listen/vars/heard'],
    ['state', 'get', '/nowhere'],
    ['state', 'set', '/vars/word', '"two"'],
    ['state', 'set', '/vars/word', 'two'],
    ['command'],
    ['command', 'say'],
    ['command', 'shout'],
    ['logs', 'listen', '--tail', '5'],
    ['logs', 'nobody'],
    ['open', '--json'],
    ['start'],
    ['start', 'nobody'],
  ];
  test.for(VERBS)('prints the same for `%s %s %s %s`', async (verb, { expect }) => {
    const [local, emulated] = await both(...verb);
    expect(emulated).toEqual(local);
    expect(local.stdout + local.stderr).not.toBe('');
  });

  test('prints the same while works are stopped and started', async ({ expect }) => {
    const [stopped, stoppedThere] = await both('stop', 'listen');
    expect(stoppedThere).toEqual(stopped);
    await bothUntil('stopped');
    const [ps, psThere] = await both('ps');
    expect(psThere).toEqual(ps);
    const [started, startedThere] = await both('start', 'listen');
    expect(startedThere).toEqual(started);
    await bothUntil('running');
  });

  test('prints the same of changes as they are watched, and of lines as they are followed', async ({
    expect,
  }) => {
    const watching = rigs.map((rig) => rig.start(['state', 'watch', '/vars', '--json']));
    const following = rigs.map((rig) => rig.start(['logs', '-f', '--tail', '0']));
    // Whether somebody listens already only an answer tells.
    const ops = (cli: Cli) =>
      (cli.values as { ops: { path: string }[] }[]).flatMap(({ ops }) => ops);
    for (const [index, rig] of rigs.entries()) {
      await until(
        'a change is heard',
        async () => {
          await rig.run('state', 'set', '/vars/word', `"${Math.random()}"`);
          return ops(watching[index] as Cli).some(({ path }) => path === '/vars/word');
        },
        PATIENCE_MS,
      );
    }
    const added = await both('state', 'set', '/vars/wanted', '["bob"]');
    expect(added[1]).toEqual(added[0]);
    for (const [index] of rigs.entries()) {
      const wanted = () => ops(watching[index] as Cli).filter(({ path }) => path !== '/vars/word');
      await until('it is watched', () => wanted().length > 0, PATIENCE_MS);
      expect(wanted()).toEqual([{ op: 'replace', path: '/vars/wanted', value: ['bob'] }]);
      await until(
        'it is followed',
        () => (following[index] as Cli).stdout.includes('[root.more.bob] heard bob\n'),
        PATIENCE_MS,
      );
    }
    for (const cli of [...watching, ...following]) {
      cli.child.kill('SIGINT');
      expect(await cli.done).toMatchObject({ code: 130 });
    }
  });

  test('prints the same of a work that is deleted', async ({ expect }) => {
    const unwanted = await both('state', 'set', '/vars/wanted', '[]');
    expect(unwanted[1]).toEqual(unwanted[0]);
    const [deleted, deletedThere] = await both('delete', 'root.more.bob');
    expect(deletedThere).toEqual(deleted);
    expect(deleted).toMatchObject({ code: 0, stdout: expect.stringContaining('root.more.bob') });
    for (const rig of rigs)
      await until(
        'it is gone',
        async () => !(await rig.run('ps')).stdout.includes('root.more.bob'),
        PATIENCE_MS,
      );
    const [again, againThere] = await both('delete', 'root.more.bob');
    expect(againThere).toEqual(again);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('WORK_UNKNOWN') });
  });

  test('tells costs by the same schema', async ({ expect }) => {
    const [local, emulated] = await Promise.all(rigs.map((rig) => rig.run('cost', '--json')));
    expect(costSchema.parse(JSON.parse(local?.stdout ?? ''))).toMatchObject({
      mode: 'local',
      cost: null,
    });
    const found = costSchema.parse(JSON.parse(emulated?.stdout ?? ''));
    expect(found.mode).toBe('emulated');
    expect(found.flowPerHour).toBeGreaterThan(0);
    expect(found.cost?.works['root.listen']?.perHour).toBeGreaterThan(0);
    expect(found.cost?.idle.perHour).toBeGreaterThan(0);
    const text = await rigs[1]?.run('cost');
    expect(text?.stdout).toMatch(/root\.listen +\$0\.0/);
    expect(text?.stdout).toContain('prices of us-east-1');
  });

  test('prints the same when an app is paused, and when it is resumed and ended', async ({
    expect,
  }) => {
    const [paused, pausedThere] = await both('pause', '--app', 'talk');
    expect(pausedThere).toEqual(paused);
    for (const run of runs) expect(await run.done).toMatchObject({ code: 130 });
    const resumed = rigs.map((rig) => rig.start(['resume', '--app', 'talk']));
    await bothUntil('running');
    const [stopped, stoppedThere] = await both('stop', '--all');
    expect(stoppedThere).toEqual(stopped);
    for (const run of resumed) expect(await run.done).toMatchObject({ code: 0 });
  });
});

/** Without what differs from one run to the next: addresses, processes, times, versions of the state. */
function plain({ code, stdout, stderr }: Done): Done {
  const clean = (text: string): string =>
    text
      .replaceAll(/127\.0\.0\.1:\d+/g, 'ADDRESS')
      .replaceAll(/pid \d+/g, 'pid N')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/version \d+/g, 'version N')
      // The process of an emulated work is its task's own business.
      .replaceAll(/(Listen +default +)(\d+|-)/g, '$1PID')
      .replaceAll(/ {2,}/g, '  ');
  return { code, stdout: clean(stdout), stderr: clean(stderr) };
}
