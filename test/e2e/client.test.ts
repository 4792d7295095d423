import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { connect } from 'stormkite/client';
import { BreakableLine } from '../integration/client/breakable-line.ts';
import { Notebooks } from '../integration/client/notebooks-app.ts';
import { ServerRig } from '../integration/server/server-rig.ts';
import { until } from '../support/until.ts';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const PAGE = fileURLToPath(new URL('client-page.fixture.ts', import.meta.url));
const MAX_GZIP_BYTES = 25 * 1024;
const hasChromium = existsSync(CHROMIUM);

test('Chromium is there in CI', ({ expect, skip }) => {
  skip(!hasChromium && process.env['CI'] === undefined, `there is no ${CHROMIUM}`);
  expect(hasChromium).toBe(true);
});

describe.skipIf(!hasChromium)('in a browser', () => {
  let browser: Browser;
  let rig: ServerRig;
  let line: BreakableLine;
  let page: Page;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => await browser.close());
  afterEach(async () => {
    await page.context().close();
    await line.close();
    await rig.close();
  });

  /** Opens a page of the app itself: as a frontend would serve it. */
  async function openPage(html: string, script = ''): Promise<string[]> {
    rig = await ServerRig.open({ createRoot: () => new Notebooks(), rootPath: '/team' });
    line = await BreakableLine.open(rig.url);
    page = await (await browser.newContext()).newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    const served = `${line.url}/team/frontends/root`;
    await page.route(`${served}/`, (route) =>
      route.fulfill({ contentType: 'text/html', body: html }),
    );
    await page.route(`${served}/page.js`, (route) =>
      route.fulfill({ contentType: 'text/javascript', body: script }),
    );
    await page.goto(`${served}/`);
    return problems;
  }

  async function appendMany(count: number, each: (value: number) => void): Promise<void> {
    const writer = connect(`${rig.url}/team`);
    for (let value = 0; value < count; value += 1) {
      await writer.patch([{ op: 'add', path: '/vars/log/-', value }]);
      each(value);
    }
    writer.close();
  }

  test('one file is enough for a static page; a broken line loses and repeats nothing', async ({
    expect,
  }) => {
    const problems = await openPage(`<!doctype html><script type="module">
      import { connect } from '/team/client.js';
      const app = globalThis.app = connect({ reconnect: { minMs: 20, maxMs: 100 } });
      globalThis.statuses = [];
      globalThis.versions = [];
      app.connection.subscribe(({ status }) => statuses.push(status));
      app.listen((event) => { if (event.type === 'turn') versions.push(event.version); });
      await app.ready();
      app.state.config.layers.push(4);
      app.state.note = 'from a page';
      await app.settled();
      globalThis.done = true;
    </script>`);
    const sockets: string[] = [];
    page.on('websocket', (socket) => sockets.push(socket.url()));
    await page.waitForFunction('globalThis.done');
    expect(await rig.ask('GET', '/state/vars/config/layers')).toMatchObject({ body: [8, 8, 4] });
    const seen = (await page.evaluate('versions.length')) as number;
    await appendMany(1_000, (value) => {
      if (value % 150 === 70) line.cut();
    });
    await page.waitForFunction('app.snapshot().log.length === 1000');
    const log = (await page.evaluate('app.snapshot().log')) as number[];
    expect(log).toEqual([...Array(1_000).keys()]);
    const versions = ((await page.evaluate('versions')) as number[]).slice(seen);
    expect(versions).toEqual(versions.map((_, index) => (versions[0] ?? 0) + index));
    expect(await page.evaluate('statuses')).toContain('offline');
    expect(sockets.length).toBeGreaterThan(2);
    expect(problems).toEqual([]);
    const { text, status } = await rig.askRaw('GET', '/team/client.js');
    expect(status).toBe(200);
    expect(gzipSync(text).byteLength).toBeLessThan(MAX_GZIP_BYTES);
    expect(text).not.toMatch(/\bimport\s*[({"'*]/);
  });

  test('a React component renders again only when what it selects changes', async ({ expect }) => {
    const { outputFiles } = await build({
      entryPoints: [PAGE],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      define: { 'process.env.NODE_ENV': '"production"' },
    });
    const script = outputFiles[0]?.text ?? '';
    const problems = await openPage(
      '<!doctype html><div id="root"></div><script type="module" src="page.js"></script>',
      script,
    );
    const textOf = (id: string): Promise<string> => page.locator(id).innerText();
    await until('it shows the state', async () => (await page.locator('#log').count()) === 1);
    expect(await textOf('#config')).toBe('0.1 fast');
    expect(await textOf('#banner')).toBe('live');
    const before = (await page.evaluate('renders.config')) as number;
    await appendMany(20, () => undefined);
    await until('it shows all', async () => (await textOf('#log')) === '20 entries, last 19');
    expect(await page.evaluate('renders.config')).toBe(before);
    await page.click('#config');
    await until('the write shows', async () => (await textOf('#config')) === '0.05 slow');
    expect(await page.evaluate('renders.config')).toBe(before + 1);
    line.isDown = true;
    line.cut();
    await until('it says so', async () => (await textOf('#banner')) === 'offline');
    line.isDown = false;
    await until('it is back', async () => (await textOf('#banner')) === 'live');
    expect(problems).toEqual([]);
  });
});
