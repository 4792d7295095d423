import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { packAlone } from '../../support/aws-campaign.ts';
import { EmulatedRig, type EmulatedApp } from '../../support/emulated-rig.ts';

const PAGED = `import { App, Flow, ServerFrontend } from 'stormkite';
const SERVER = "require('node:http').createServer((_, answer) => answer.end('python finds ' + process.env.PYTHONPATH)).listen(process.env.PORT, process.env.HOST)";
class Root extends Flow {
  run() {}
  configureLayout() {
    return [{ name: 'Served', content: new ServerFrontend({ command: ['node', '-e', SERVER] }) }];
  }
}
export default new App(new Root());
`;

interface Tab {
  readonly name: string;
  readonly url: string;
}

describe('what a flow in a container shows', { timeout: 120_000 }, () => {
  let rig: EmulatedRig;
  let app: EmulatedApp;
  beforeAll(async () => {
    rig = await EmulatedRig.open();
    const file = join(rig.folder, 'paged.ts');
    await writeFile(file, PAGED);
    app = await rig.deploy(await packAlone(rig, file), { name: 'paged' });
  }, 60_000);
  afterAll(() => rig.close());

  const read = async (path: string): Promise<string | null> => {
    const answer = await fetch(app.url + path).catch(() => null);
    return answer?.ok ? await answer.text() : null;
  };

  test('is the dashboard with its files, and the clients', async ({ expect }) => {
    const page = await app.until('it serves', () => read('/view'));
    expect(page).toContain('<meta name="stormkite-root"');
    const [, script = ''] = /src="([^"]+\.js)"/.exec(page) ?? [];
    expect(await read(new URL(script, `${app.url}/view`).pathname)).toContain('stormkite');
    expect(await read('/client.js')).toContain('connect');
    expect(await read('/client/stormkite.py')).toContain('def connect');
  });

  test('and the servers of its frontends', async ({ expect }) => {
    const said = await app.until('its frontend answers', async () => {
      const { tabs } = JSON.parse((await read('/api/v1/layout')) ?? '{"tabs":[]}') as {
        tabs: Tab[];
      };
      const [tab] = tabs;
      return tab === undefined ? null : await read(tab.url);
    });
    expect(said).toMatch(/^python finds .*node_modules\/stormkite\/dist\/client$/);
  });
});
