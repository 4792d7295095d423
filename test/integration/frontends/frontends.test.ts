/** Frontends of a running app, seen as a browser and as a shell see them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test as base, describe } from 'vitest';
import { WebSocket } from 'ws';
import { isAlive } from '../../support/local-rig.ts';
import { until } from '../../support/until.ts';
import { CliRig, type Cli } from '../cli/cli-rig.ts';

const APP = fileURLToPath(new URL('../../fixtures/frontends/app.ts', import.meta.url));

interface Tab {
  readonly name: string;
  readonly kind: string;
  readonly url: string;
  readonly ready: boolean;
  readonly path: string;
  readonly message?: string;
  readonly log?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The app under test. */
class Running {
  readonly cli: Cli;
  readonly url: string;
  readonly root: string;

  private constructor(cli: Cli, url: string, root: string) {
    this.cli = cli;
    this.url = url;
    this.root = root;
  }

  static async start(rig: CliRig, root = '', args: readonly string[] = []): Promise<Running> {
    const cli = rig.app(APP, ['--name', 'app', ...args], { TEST_ROOT_PATH: root });
    await cli.prints('/view');
    const [, url = ''] = /(http:\/\/[\d.]+:\d+)\//.exec(cli.stdout) ?? [];
    return new Running(cli, url, root);
  }

  async tab(name: string): Promise<Tab> {
    const answer = await fetch(`${this.url}${this.root}/api/v1/layout`);
    const { tabs } = (await answer.json()) as { tabs: Tab[] };
    const tab = tabs.find((each) => each.name === name);
    if (tab === undefined) throw new Error(`no tab ${name} in ${JSON.stringify(tabs)}`);
    return tab;
  }

  async text(path: string): Promise<string> {
    return await (await fetch(this.url + path)).text();
  }

  /** The tab once what it shows answers. */
  async ready(name: string): Promise<Tab> {
    return await until(`${name} is ready`, async () => {
      // A tab may not be there yet.
      const tab = await this.tab(name).catch(() => null);
      return tab?.ready === true ? tab : null;
    });
  }

  async set(field: string, value: unknown): Promise<void> {
    const answer = await fetch(`${this.url}${this.root}/api/v1/state`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'replace', path: `/vars/${field}`, value }]),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }
}

const test = base.extend<{ rig: CliRig }>({
  // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
  rig: async ({}, use) => {
    const rig = await CliRig.open();
    await use(rig);
    await rig.close();
  },
});

describe('the frontends of a running app', () => {
  for (const root of ['', '/team/app']) {
    test(`are below ${root === '' ? 'the root' : root}`, async ({ rig, expect }) => {
      const app = await Running.start(rig, root);
      const site = await app.ready('Static');
      expect(site).toMatchObject({ kind: 'frontend', path: 'root' });
      expect(site.url.startsWith(`${root}/frontends/root-`)).toBe(true);
      expect(await app.text(site.url)).toContain('<title>Site</title>');

      const plain = await app.ready('Server');
      expect(await app.text(plain.url)).toBe('<h1>plain</h1>');
      const env = JSON.parse(await app.text(`${plain.url}env`)) as Record<string, string>;
      expect(env).toMatchObject({
        HOST: '127.0.0.1',
        STORMKITE_ROOT_PATH: plain.url.slice(0, -1),
        STORMKITE_STATE_URL: `${app.url}${root}`,
      });
      expect(env).not.toHaveProperty('STORMKITE_TOKEN');

      const kept = await app.ready('Kept');
      const { url } = JSON.parse(await app.text(`${kept.url}echo`)) as { url: string };
      expect(url).toBe(`${kept.url}echo`);

      const work = await app.ready('Work');
      expect(work).toMatchObject({
        kind: 'work',
        path: 'root.site',
        url: `${root}/works/root.site/`,
      });
      expect(await app.text(`${work.url}page?x=1`)).toBe('work at /page?x=1');
      const vars = await app.text(`${root}/api/v1/state/works/site/vars`);
      expect(JSON.parse(vars)).toMatchObject({
        rootPath: `${root}/works/root.site`,
        stateUrl: `${app.url}${root}`,
      });
      const answer = await fetch(`${app.url}${root}/`, { redirect: 'manual' });
      expect(answer.headers.get('location')).toBe(`${root}/view`);
    });
  }

  test('cannot be led elsewhere by a patch of the state', async ({ rig, expect }) => {
    const app = await Running.start(rig);
    await app.ready('Work');
    const answer = await fetch(`${app.url}/api/v1/state`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json-patch+json' },
      body: JSON.stringify([
        { op: 'replace', path: '/works/site/vars/_url', value: 'http://169.254.169.254' },
      ]),
    });
    expect(answer.status).toBe(422);
    expect(await app.text('/works/root.site/')).toBe('work at /');
  });

  test('talk by WebSockets', async ({ rig, expect }) => {
    const app = await Running.start(rig);
    for (const name of ['Server', 'Kept']) {
      const { url } = await app.ready(name);
      const socket = new WebSocket(`${app.url.replace('http', 'ws')}${url}socket`);
      const received: string[] = [];
      socket.on('message', (data: Buffer) => received.push(data.toString()));
      await once(socket, 'open');
      socket.send('hello');
      await until('it echoes', () => received.includes('hello'));
      socket.close();
      await once(socket, 'close');
      expect(received).toHaveLength(2);
    }
  });

  test('go on when the layout is read again, and when it fails', async ({ rig, expect }) => {
    const app = await Running.start(rig);
    const { url } = await app.ready('Server');
    const pid = await app.text(`${url}pid`);
    for (let count = 1; count <= 5; count += 1) await app.set('count', count);
    await app.set('broken', true);
    const failed = await until('the layout fails', async () => {
      const tab = await app.tab('Home').catch(() => null);
      return tab;
    });
    expect(failed).toMatchObject({ kind: 'empty', ready: false, error: { code: 'LAYOUT_FAILED' } });
    await app.cli.prints('LAYOUT_FAILED');
    expect(app.cli.stderr.match(/LAYOUT_FAILED/g)).toHaveLength(1);
    await app.set('count', 6);
    await app.set('broken', false);
    await app.ready('Server');
    expect(await app.text(`${url}pid`)).toBe(pid);
  });

  test('are started again when they end, and their lines are in the logs', async ({
    rig,
    expect,
  }) => {
    const app = await Running.start(rig);
    const { url, log = '' } = await app.ready('Server');
    const pid = await app.text(`${url}pid`);
    expect(await app.text(`${url}crash`)).toBe('bye');
    const again = await until('another one answers', async () => {
      const answer = await fetch(`${app.url}${url}pid`);
      const text = await answer.text();
      return answer.ok && text !== pid ? text : null;
    });
    expect(isAlive(Number(pid))).toBe(false);
    expect(isAlive(Number(again))).toBe(true);
    const lines = await app.text(`/api/v1/works/${encodeURIComponent(log)}/logs`);
    expect(lines).toContain('ended with code 3; it is started again in 500 ms');
    expect(lines.match(/plain listens/g)).toHaveLength(2);
  });

  test('that cannot be started say so in their tab', async ({ rig, expect }) => {
    const app = await Running.start(rig);
    await app.set('extra', true);
    const tab = await until('it failed', async () => {
      const bad = await app.tab('Bad').catch(() => null);
      return bad?.error === undefined ? null : bad;
    });
    expect(tab.error).toMatchObject({ code: 'FRONTEND_COMMAND_FAILED' });
    expect(tab.error?.message).toContain('no-such-program-here');
    const page = await fetch(app.url + tab.url, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(503);
    expect(await page.text()).toContain('cannot start');
    await app.cli.prints('FRONTEND_COMMAND_FAILED');
  });

  test('end with the app', async ({ rig, expect }) => {
    const app = await Running.start(rig);
    const pids = await Promise.all(
      ['Server', 'Kept'].map(async (name) =>
        Number(await app.text(`${(await app.ready(name)).url}pid`)),
      ),
    );
    expect(pids.map(isAlive)).toEqual([true, true]);
    app.cli.child.kill('SIGINT');
    const { code } = await app.cli.done;
    expect(code).toBe(130);
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(rig.processes()).toEqual([]);
  });

  test('end with an app that is killed', async ({ rig, expect }) => {
    const app = await Running.start(rig);
    const pid = Number(await app.text(`${(await app.ready('Server')).url}pid`));
    const register = join(rig.home, 'apps', 'app', 'frontends.json');
    const registered = await until('they are registered', async () => {
      const entries = JSON.parse(await readFile(register, 'utf8').catch(() => '[]')) as unknown[];
      return entries.length === 2 ? entries.length : null;
    });
    expect(registered).toBe(2);
    app.cli.child.kill('SIGKILL');
    await until('nothing is left', () => rig.processes().length === 0);
    expect(isAlive(pid)).toBe(false);
  });
});

describe('a static frontend without a page', () => {
  test('is told before anything starts', async ({ rig, expect }) => {
    const file = await rig.write(
      'bare/app.ts',
      `import { App, Flow, StaticWebFrontend } from 'stormkite';
class Root extends Flow {
  run() { console.log('ran'); }
  configureLayout() { return new StaticWebFrontend('ui'); }
}
export default new App(new Root());
`,
    );
    const { code, stdout, stderr } = await rig.app(file).done;
    expect(code).toBe(2);
    expect(stderr).toContain('FRONTEND_INDEX_MISSING');
    expect(stdout).not.toContain('ran');
    const folder = join(dirname(file), 'ui');
    await mkdir(folder);
    await writeFile(join(folder, 'index.html'), 'built');
    const cli = rig.app(file);
    await cli.prints('ran');
    cli.child.kill('SIGINT');
    await cli.done;
  });
});
