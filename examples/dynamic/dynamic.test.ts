import { BACKENDS, test, type Program, type TestCli } from '../../test/support/cli.ts';
import { describe } from 'vitest';
import { until } from '../../test/support/until.ts';

test('works that are assigned to fields in run are attached, run and stopped', async ({
  cli,
  expect,
}) => {
  const app = cli.run('examples/dynamic/by-field.ts');
  const { code, stderr } = await app.finished;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(app.lines.slice(1)).toEqual([
    '[root.first] the first job runs as root.first',
    '[root.second] the second job runs as root.second',
    'ran root.first and root.second',
  ]);
});

/** With the emulated AWS to start and to end. */
const TIMEOUT_MS = 150_000;

describe.for(BACKENDS)('%s', { timeout: TIMEOUT_MS }, ([, flags]) => {
  test('notebooks come and go as requests are edited from outside', async ({ cli, expect }) => {
    const app = cli.run('examples/dynamic/app.ts', {}, flags);
    await app.line(/ at http/);
    await cli.json('state', 'set', '/vars/requests', JSON.stringify([request('ada')]));
    const ada = await notebook(app, 'ada');
    await cli.json('state', 'set', '/vars/requests/-', JSON.stringify(request('bob')));
    const bob = await notebook(app, 'bob');
    expect(await works(cli)).toEqual({
      'root.notebooks.ada': 'running',
      'root.notebooks.bob': 'running',
    });
    expect(await (await fetch(ada)).text()).toBe('Notebook of ada\n');
    expect((await fetch(new URL('/?token=guess', ada))).status).toBe(403);

    await cli.json('state', 'set', '/vars/requests/0/stop', 'true');
    await app.line(/^the notebook of ada is stopped$/);
    await until('the notebook of ada is gone', () =>
      fetch(ada).then(
        () => false,
        () => true,
      ),
    );
    expect(await works(cli)).toEqual({
      'root.notebooks.ada': 'stopped',
      'root.notebooks.bob': 'running',
    });
    expect((await fetch(bob)).status).toBe(200);
    const token = new URL(bob).searchParams.get('token');
    expect(await cli.json('state', 'get', '/vars/requests')).toEqual([
      { ...request('bob'), token },
    ]);

    app.lines.splice(0);
    await cli.json('state', 'set', '/vars/requests/-', JSON.stringify(request('ada')));
    const again = await notebook(app, 'ada');
    expect(again).not.toBe(ada);
    expect((await fetch(again)).status).toBe(200);

    expect((await app.interrupt()).code).toBe(130);
    await expect(fetch(again)).rejects.toThrow('fetch failed');
  });
});

function request(username: string): object {
  return { username, useGpu: false, token: null, stop: false };
}

/** Waits for the address of somebody's notebook. */
async function notebook(app: Program, username: string): Promise<string> {
  const [, address = ''] = await app.line(new RegExp(`^the notebook of ${username} is at (.*)$`));
  return address;
}

async function works(cli: TestCli): Promise<Record<string, string>> {
  const { apps } = (await cli.json('ps')) as {
    apps: { works: { name: string; status: { stage: string } }[] }[];
  };
  return Object.fromEntries(
    apps.flatMap((app) => app.works.map(({ name, status }) => [name, status.stage])),
  );
}
