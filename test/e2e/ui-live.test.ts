import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { until } from '../support/until.ts';
import { chromiumPath, UiRig } from './ui-rig.ts';

const APP = 'test/fixtures/dashboard/live.fixture.ts';
const LOG = 'state/works/writer/vars/log';
const NOTE = 'state/works/writer/vars/note';
/** How long the connection stays cut: longer than the page waits at first before it tries again. */
const CUT_MS = 10_000;
/** The page waits up to ten seconds between two attempts. */
const BACK_MS = 40_000;

/** Versions that the page was told, one by one, over all its connections from now on. */
function toldTo(page: Page): number[] {
  const versions: number[] = [];
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      const { event, data } = JSON.parse(String(payload)) as {
        event: string;
        data: { version: number };
      };
      if (event === 'turn') versions.push(data.version);
    }),
  );
  return versions;
}

describe.skipIf(chromiumPath === null)('the dashboard of an app that changes', () => {
  let rig: UiRig;
  beforeAll(async () => {
    rig = await UiRig.open(APP);
  });
  afterAll(async () => await rig.close());
  afterEach(({ expect }) => expect(rig.problems.splice(0)).toEqual([]));

  const set = (field: string, value: unknown): Promise<unknown> =>
    rig.patch([{ op: 'replace', path: `/vars/${field}`, value }]);

  test('a line that is cut for ten seconds during a thousand deltas loses and repeats nothing', async ({
    expect,
  }) => {
    const page = await rig.page(`#/${LOG}`);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const versions = toldTo(page);
    await page.reload();
    const log = page.getByRole('treeitem', { name: /^log/ });
    const length = async (): Promise<number> => ((await rig.ask(LOG)) as number[]).length;
    await set('upTo', 100);
    await log.getByText('100 items').waitFor();

    rig.line.isDown = true;
    rig.line.cut();
    const cutAt = performance.now();
    const banner = page.getByRole('alert').filter({ hasText: 'Disconnected since' });
    await banner.waitFor();
    await set('upTo', 900);
    await until('the app went on without the page', async () => {
      return performance.now() - cutAt >= CUT_MS && (await length()) === 900;
    });
    expect(await banner.isVisible()).toBe(true);
    expect(await log.getByText('100 items').isVisible()).toBe(true);

    rig.line.isDown = false;
    await set('upTo', 1_000);
    await banner.waitFor({ state: 'detached', timeout: BACK_MS });
    await log.getByText('1,000 items').waitFor();
    expect(await length()).toBe(1_000);
    await log.hover();
    await log.getByRole('button', { name: 'Copy the value of log' }).click();
    await log.getByRole('button', { name: 'Copied' }).waitFor();
    const shown = JSON.parse((await page.evaluate('navigator.clipboard.readText()')) as string);
    expect(shown).toEqual([...Array(1_000).keys()]);
    expect(versions.length).toBeGreaterThan(2);
    expect(versions).toEqual(versions.map((_, index) => (versions[0] ?? 0) + index));
    await page.context().close();
  }, 120_000);

  test('a field that a work changes while it is edited is not overwritten, and both values are there to choose from', async ({
    expect,
  }) => {
    const page = await rig.page(`#/${NOTE}`);
    const value = page.getByLabel('Value', { exact: true });
    const note = page.getByRole('treeitem', { name: /^note/ });
    await page.getByRole('tree', { name: 'State' }).focus();
    await page.keyboard.press('F2');
    await value.fill('by a person');
    await set('text', 'by the work');
    await page.getByText('It changed since you opened it').waitFor();
    expect(await value.inputValue()).toBe('by a person');
    const refused = page.waitForResponse((response) => response.status() === 412);
    await page.getByRole('button', { name: 'Save' }).click();
    await refused;
    const conflict = page.getByRole('dialog', { name: 'It changed meanwhile' });
    await conflict.getByText('by the work', { exact: true }).waitFor();
    await conflict.getByText('by a person', { exact: true }).waitFor();
    expect(await rig.ask(NOTE)).toBe('by the work');
    await conflict.getByRole('button', { name: 'Keep mine' }).click();
    await note.getByText('"by a person"').waitFor();
    expect(await rig.ask(NOTE)).toBe('by a person');
    // What a person wrote is a write of the flow's: the work's next one counts again.
    await set('text', 'by the work again');
    await note.getByText('"by the work again"').waitFor();
    await page.context().close();
  });

  test('a work is deleted after its consequences are confirmed, and is gone everywhere', async ({
    expect,
  }) => {
    const page = await rig.page('#/works/root.spare');
    const pane = page.getByRole('region', { name: 'Work root.spare' });
    await pane.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete root.spare?' });
    await dialog.getByText('It leaves the app for good').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await rig.ask('state/works')).toHaveProperty('spare');
    await pane.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('button', { name: 'Delete it' }).click();
    await pane.waitFor({ state: 'detached' });
    const rows = page.getByRole('grid').getByRole('row');
    await until('one work is listed', async () => (await rows.count()) === 2);
    expect(await rows.nth(1).textContent()).toContain('root.writer');
    expect(await rig.ask('state/works')).not.toHaveProperty('spare');
    expect(page.url()).toMatch(/#\/works$/);
    await page.context().close();
  });
});
