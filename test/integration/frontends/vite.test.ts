/** A real development server below a path: the whole way, with the WebSocket that tells pages of changes. */
import { once } from 'node:events';
import { test as base, describe } from 'vitest';
import { WebSocket } from 'ws';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/until.ts';
import { CliRig } from '../cli/cli-rig.ts';

const VITE = fileURLToPath(new URL('../../../node_modules/vite/bin/vite.js', import.meta.url));
const SITE = fileURLToPath(new URL('../../fixtures/frontends/vite', import.meta.url));

const test = base.extend<{ rig: CliRig }>({
  // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
  rig: async ({}, use) => {
    const rig = await CliRig.open();
    await use(rig);
    await rig.close();
  },
});

describe('Vite in a tab', () => {
  test('serves its page and tells of changes', async ({ rig, expect }) => {
    const command = ['--host', '$HOST', '--port', '$PORT', '--strictPort'];
    const file = await rig.write(
      'vite/app.ts',
      `import { App, Flow, ServerFrontend } from 'stormkite';
class Root extends Flow {
  run() {}
  configureLayout() {
    return new ServerFrontend({
      command: ['node', '${VITE}', ...${JSON.stringify(command)}, '--base', '$STORMKITE_ROOT_PATH/'],
      cwd: '${SITE}',

    });
  }
}
export default new App(new Root());
`,
    );
    const cli = rig.app(file);
    await cli.prints('/view');
    const [, url = ''] = /(http:\/\/[\d.]+:\d+)\//.exec(cli.stdout) ?? [];
    const path = await until('Vite is ready', async () => {
      const answer = await fetch(`${url}/api/v1/layout`).catch(() => null);
      if (answer?.ok !== true) return null;
      const { tabs } = (await answer.json()) as { tabs: { url: string; ready: boolean }[] };
      return tabs[0]?.ready === true ? tabs[0].url : null;
    });
    const page = await (await fetch(url + path)).text();
    expect(page).toContain(`src="${path}@vite/client"`);
    expect(page).toContain(`src="${path}main.js"`);
    expect(await (await fetch(`${url}${path}main.js`)).text()).toContain('running');
    const client = await (await fetch(`${url}${path}@vite/client`)).text();
    const [, token = ''] = /wsToken = "([^"]+)"/.exec(client) ?? [];
    const address = `${url.replace('http', 'ws')}${path}?token=${token}`;
    const socket = new WebSocket(address, 'vite-hmr', { origin: url });
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(message.toString())).toEqual({ type: 'connected' });
    socket.close();
    await once(socket, 'close');
    cli.child.kill('SIGINT');
    await cli.done;
  });
});
