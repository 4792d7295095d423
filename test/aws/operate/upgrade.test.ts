/** A new version of an app is deployed while works run. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { EmulatedRig, type EmulatedApp } from '../../support/emulated-rig.ts';

interface Version {
  readonly name: string;
  /** Another name of the class of works that are added while the app runs. */
  readonly added?: string;
}

/** An app whose works say which version of the code they run. */
function source({ name, added = 'Extra' }: Version): string {
  return `
import { setTimeout as sleep } from 'node:timers/promises';
import { App, Dict, Flow, Work } from 'stormkite';

class Hold extends Work<object> {
  code = '';
  beats = 0;
  constructor() { super({ parallel: true }); }
  async run() {
    this.code = '${name}';
    while (!this.signal.aborted) { this.beats += 1; await sleep(50); }
  }
}
export class First extends Hold {}
export class ${added} extends Hold {}

export class Root extends Flow {
  first = new First();
  extra = new Dict<Hold>();
  version = '';
  wanted: string[] = [];
  run() {
    this.version = '${name}';
    this.first.run();
    for (const key of this.wanted) (this.extra[key] ??= new ${added}()).run();
  }
}
export default new App(new Root());
`;
}

describe('an upgrade', { timeout: 180_000 }, () => {
  let rig: EmulatedRig;
  beforeAll(async () => {
    rig = await EmulatedRig.open();
  });
  afterAll(() => rig.close());

  async function pack(folder: string, version: Version) {
    const directory = join(rig.folder, folder, version.name);
    await mkdir(directory, { recursive: true });
    const file = join(directory, 'app.ts');
    await writeFile(file, source(version));
    return await rig.pack(file);
  }
  const get = async (app: EmulatedApp, pointer: string): Promise<unknown> => {
    const answer = await fetch(`${app.url}/api/v1/state${pointer}`).catch(() => null);
    return answer?.ok ? await answer.json() : null;
  };
  const codeOf = (app: EmulatedApp, work: string) => get(app, `${work}/vars/code`);
  const want = (app: EmulatedApp, name: string) =>
    fetch(`${app.url}/api/v1/state`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'add', path: '/vars/wanted/-', value: name }]),
    });
  const FIRST = '/works/first';
  const extra = (name: string) => `/structures/extra/works/${name}`;

  test('adopts works that run, gives new ones the new code, and can be taken back', async ({
    expect,
  }) => {
    const [one, two] = [await pack('way', { name: 'one' }), await pack('way', { name: 'two' })];
    expect(one.artifact.sha256).not.toBe(two.artifact.sha256);
    const app = await rig.deploy(one, { name: 'way' });
    await app.until('the work runs', async () => (await codeOf(app, FIRST)) === 'one');
    const [task] = app.tasksByWork.get('root.first') ?? [];

    await app.deploy(two, {});
    await app.until('the new flow acts', async () => (await get(app, '/vars/version')) === 'two');
    const beats = Number(await get(app, `${FIRST}/vars/beats`));
    await app.until(
      'the old work is heard by the new flow',
      async () => Number(await get(app, `${FIRST}/vars/beats`)) > beats,
    );
    expect(await codeOf(app, FIRST)).toBe('one');
    expect(app.tasksByWork.get('root.first')).toEqual([task]);
    await want(app, 'a');
    await app.until('a new work runs', async () => (await codeOf(app, extra('a'))) === 'two');

    await app.deploy(one, {});
    await app.until('the old flow acts', async () => (await get(app, '/vars/version')) === 'one');
    await want(app, 'b');
    await app.until('one more work runs', async () => (await codeOf(app, extra('b'))) === 'one');
    expect(await codeOf(app, FIRST)).toBe('one');
    expect(await codeOf(app, extra('a'))).toBe('two');
    expect(app.tasksByWork.get('root.first')).toEqual([task]);
    expect(app.workTasks).toHaveLength(3);
    await app.end();
  });

  test('whose code lost a class that the state has is refused, and works run on', async ({
    expect,
  }) => {
    const one = await pack('lost', { name: 'one' });
    const renamed = await pack('lost', { name: 'two', added: 'Renamed' });
    const app = await rig.deploy(one, { name: 'lost' });
    await app.until('the work runs', async () => (await codeOf(app, FIRST)) === 'one');
    await want(app, 'a');
    await app.until('the added one runs', async () => (await codeOf(app, extra('a'))) === 'one');
    const tasks = app.workTasks.map(({ arn }) => arn);

    await app.deploy(renamed, {});
    const refused = await app.until('the new flow gives up', () =>
      app.results.find(({ stage }) => stage === 'failed'),
    );
    expect(refused).toMatchObject({ stage: 'failed', error: { code: 'WORK_CLASS_UNKNOWN' } });
    expect(app.workTasks.map(({ arn }) => arn)).toEqual(tasks);

    await app.deploy(one, {});
    const beats = await app.until('the old version acts again', async () => {
      const found = await get(app, `${extra('a')}/vars/beats`);
      return found === null ? null : Number(found);
    });
    await app.until(
      'it hears the works again',
      async () => Number(await get(app, `${extra('a')}/vars/beats`)) > beats,
    );
    expect(app.workTasks.map(({ arn }) => arn)).toEqual(tasks);
    await app.end();
  });
});
