import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe } from 'vitest';
import { test, type Program, type TestCli } from '../../test/support/cli.ts';
import { pythonPrograms, pythonReason } from '../../test/support/python-venv.ts';
import { until } from '../../test/support/until.ts';

const APP = 'examples/notebooks/app.ts';
const REQUESTS = '/vars/jupyterConfigRequests';
/** The first start of a Python program on a busy machine. */
const START_MS = 60_000;
/** With the emulated AWS to start and to end. */
const EMULATED_MS = 180_000;
const python = pythonPrograms('jupyter', 'jupyter-lab');

interface Request {
  readonly username: string;
  readonly useGpu: boolean;
  readonly token: string | null;
  readonly stop: boolean;
  readonly ready?: boolean;
  readonly problem?: string;
}

test('JupyterLab is there in CI', ({ expect, skip }) => {
  skip(python === null && process.env['CI'] === undefined, pythonReason('JupyterLab'));
  expect(python).not.toBeNull();
});

describe('without JupyterLab', () => {
  test('whoever asks is told what to install, and the app lives', async ({ cli, expect }) => {
    const { url } = await start(cli, { JUPYTER: join(cli.home, 'no-jupyter') });
    await ask(cli, request('ada'));
    const [refused] = await settled(cli, 1);
    expect(refused).toMatchObject({ ...request('ada'), ready: false });
    expect(refused?.problem).toContain('pip install jupyterlab');
    expect(await stageOf(cli, 'ada')).toBe('failed');

    // Whoever tries again after installing it gets one; here it is only told once more.
    await cli.json('state', 'set', `${REQUESTS}/0`, JSON.stringify(request('ada')));
    const [again] = await settled(cli, 1);
    expect(again?.problem).toContain('pip install jupyterlab');
    await cli.json('state', 'set', `${REQUESTS}/0/stop`, 'true');
    await settled(cli, 0);
    expect((await fetch(`${url}/api/v1/healthz`)).status).toBe(200);
  });

  test('a jupyter without JupyterLab, and one that ends, say so', async ({ cli, expect }) => {
    const jupyter = await script(cli, 'echo "Jupyter command \\`jupyter-lab\\` not found." >&2');
    await start(cli, { JUPYTER: jupyter });
    await ask(cli, request('ada'));
    const [refused] = await settled(cli, 1);
    expect(refused?.problem).toMatch(/no JupyterLab: install it with `pip install jupyterlab`/);

    await script(cli, 'echo "the disk is full" >&2; exit 3');
    await ask(cli, request('bob'));
    const [, ended] = await settled(cli, 2);
    expect(ended?.problem).toBe(
      'JupyterLab ended by itself (code 3); it printed:\nthe disk is full',
    );
  });

  test('what makes no sense is refused, whatever a client writes', async ({ cli, expect }) => {
    await start(cli, { JUPYTER: await script(cli, 'sleep 60') });
    await ask(cli, 17, { username: 7 }, { username: '../x' }, { username: 'then' });
    await ask(cli, request('ada'), { username: 'ada', useGpu: 'yes', token: 5 });
    const refused = (await settled(cli, 4, 3)).filter(({ problem }) => problem !== undefined);
    expect(refused.map(({ username, problem }) => [username, problem?.slice(0, 24)])).toEqual([
      ['../x', '"../x" cannot be a name:'],
      ['then', '"then" cannot be a name:'],
      ['ada', 'ada has a notebook alrea'],
    ]);
    await cli.json('state', 'set', REQUESTS, '"nonsense"');
    await settled(cli, 0);
    expect(await readdir(join(cli.home, 'notebooks'))).toEqual(['ada']);
  });
});

describe.skipIf(python === null)('with JupyterLab', () => {
  test('everybody has a server, a token and a folder of their own', async ({ cli, expect }) => {
    const { url } = await start(cli);
    await ask(cli, request('ada'), { ...request('bob'), useGpu: true });
    const [ada, bob] = await ready(cli, 2);
    expect(ada?.token).toMatch(/^[0-9a-f]{48}$/);
    expect(bob?.token).not.toBe(ada?.token);
    const works = (await (await fetch(`${url}/api/v1/works`)).json()) as { name: string }[];
    expect(JSON.stringify(works.find(({ name }) => name.endsWith('.bob')))).toContain('"gpu"');

    const tabs = await tabsOf(url);
    expect(tabs.slice(-2).map(({ name, url: place }) => [name, place])).toEqual([
      ['ada', `/works/root.jupyterWorks.ada/lab?token=${ada?.token}`],
      ['bob', `/works/root.jupyterWorks.bob/lab?token=${bob?.token}`],
    ]);
    const contents = `${url}/works/root.jupyterWorks.ada/api/contents`;
    const asking = (token: string): Promise<Response> =>
      fetch(contents, { headers: { authorization: `token ${token}` } });
    expect((await fetch(contents)).status).toBe(403);
    expect((await asking(String(bob?.token))).status).toBe(403);
    expect((await asking(String(ada?.token))).status).toBe(200);
    const page = await fetch(`${url}${tabs.at(-2)?.url}`);
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'self'");
    expect(page.headers.get('set-cookie')).toMatch(
      /HttpOnly.*Path=\/works\/root\.jupyterWorks\.ada\//,
    );
    expect((await readdir(join(cli.home, 'notebooks'))).toSorted()).toEqual(['ada', 'bob']);
    expect(await readdir(join(cli.home, 'notebooks', 'ada', '.jupyter', 'runtime'))).not.toEqual(
      [],
    );

    await cli.json('state', 'set', `${REQUESTS}/0/stop`, 'true');
    expect(await ready(cli, 1)).toEqual([bob]);
    expect((await tabsOf(url)).map(({ name }) => name)).not.toContain('ada');
    await until('what told of the server is gone', async () => {
      const left = await readdir(join(cli.home, 'notebooks', 'ada', '.jupyter'));
      return !left.includes('runtime');
    });

    // Again, with another token; and on other hardware.
    await ask(cli, request('ada'));
    const [, again] = await ready(cli, 2);
    expect(again?.token).not.toBe(ada?.token);
    await cli.json('state', 'set', `${REQUESTS}/1/useGpu`, 'true');
    const moved = await until(
      'it is moved',
      async () => {
        const [, now] = await requests(cli);
        return now?.ready === true && now.token !== again?.token ? now : null;
      },
      START_MS,
    );
    expect(moved.useGpu).toBe(true);
  });

  test('one that dies is told of, and can be had again', async ({ cli, expect }) => {
    const { url } = await start(cli);
    await ask(cli, request('ada'));
    await ready(cli, 1);
    const folder = join(cli.home, 'notebooks', 'ada', '.jupyter', 'runtime');
    const pid = async (): Promise<number> =>
      Number(/jpserver-(\d+)\.json/.exec((await readdir(folder)).join(' '))?.[1]);
    const first = await pid();
    process.kill(first, 'SIGKILL');
    const [dead] = await settled(cli, 1);
    expect(dead).toMatchObject({ ready: false, token: null });
    expect(dead?.problem).toMatch(/^JupyterLab ended by itself \(SIGKILL\)/);

    await cli.json('state', 'set', `${REQUESTS}/0`, JSON.stringify(request('ada')));
    await ready(cli, 1);
    expect(await pid()).not.toBe(first);

    // Stopped from the list of works, it is nobody's any more.
    await fetch(`${url}/api/v1/works/root.jupyterWorks.ada/stop`, { method: 'POST' });
    await settled(cli, 0);
    expect(await stageOf(cli, 'ada')).toBe('stopped');
  });

  test(
    'it is the same app on the emulated AWS',
    { timeout: EMULATED_MS },
    async ({ cli, expect }) => {
      const [jupyter = ''] = python?.paths ?? [];
      const { app, url } = await start(cli, { STORMKITE_EMULATOR_PATH: dirname(jupyter) }, [
        '--emulate-aws',
      ]);
      await ask(cli, request('ada'));
      const [ada] = await ready(cli, 1);
      const contents = `${url}/works/root.jupyterWorks.ada/api/contents`;
      expect((await fetch(contents)).status).toBe(403);
      const headers = { authorization: `token ${ada?.token}` };
      expect((await fetch(contents, { headers })).status).toBe(200);
      await cli.json('state', 'set', `${REQUESTS}/0/stop`, 'true');
      await settled(cli, 0);
      await until('it is stopped', async () => (await stageOf(cli, 'ada')) === 'stopped', START_MS);
      expect((await app.interrupt()).code).toBe(130);
    },
  );
});

async function start(
  cli: TestCli,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<{ app: Program; url: string }> {
  const variables = {
    ...python?.env,
    NOTEBOOKS_UI: 'static',
    NOTEBOOKS_FOLDER: join(cli.home, 'notebooks'),
    ...env,
  };
  const app = cli.run(APP, variables, flags);
  const [, url = ''] = await app.line(/ at (http:\/\/[\d.]+:\d+)/);
  return { app, url };
}

/** A `jupyter` that does something else. */
async function script(cli: TestCli, line: string): Promise<string> {
  const folder = join(cli.home, 'bin');
  const path = join(folder, 'jupyter');
  await mkdir(folder, { recursive: true });
  await writeFile(path, `#!/bin/sh\n${line}\n`);
  await chmod(path, 0o755);
  return path;
}

function request(username: string): Request {
  return { username, useGpu: false, token: null, stop: false };
}

async function ask(cli: TestCli, ...asked: readonly unknown[]): Promise<void> {
  for (const each of asked) await cli.json('state', 'set', `${REQUESTS}/-`, JSON.stringify(each));
}

async function requests(cli: TestCli): Promise<Request[]> {
  return (await cli.json('state', 'get', REQUESTS)) as Request[];
}

/** Requests once there are so many, and all of these, or as many as given, were refused. */
function settled(cli: TestCli, count: number, refused = count): Promise<Request[]> {
  return until(
    `there are ${count} requests, ${refused} of them refused`,
    async () => {
      const all = await requests(cli);
      const told = all.filter(({ problem }) => problem !== undefined);
      return all.length === count && told.length === refused ? all : null;
    },
    START_MS,
  );
}

function ready(cli: TestCli, count: number): Promise<Request[]> {
  return until(
    `${count} notebooks are ready`,
    async () => {
      const all = await requests(cli);
      return all.length === count && all.every((each) => each.ready === true) ? all : null;
    },
    START_MS,
  );
}

async function stageOf(cli: TestCli, username: string): Promise<string | undefined> {
  const { apps } = (await cli.json('ps')) as {
    apps: { works: { name: string; status: { stage: string } }[] }[];
  };
  return apps[0]?.works.find(({ name }) => name === `root.jupyterWorks.${username}`)?.status.stage;
}

async function tabsOf(url: string): Promise<{ name: string; url: string }[]> {
  const layout = await fetch(`${url}/api/v1/layout`);
  return ((await layout.json()) as { tabs: { name: string; url: string }[] }).tabs;
}
