import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { until } from '../support/until.ts';
import { chromiumPath, HeldFrames, UiRig } from './ui-rig.ts';

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

  test('a slider asks for the version where it stops, and what is answered late is left', async ({
    expect,
  }) => {
    for (const value of [1, 2, 3, 4, 5]) await set('upTo', value);
    const { newest } = (await rig.ask('history?limit=1')) as { newest: number };
    const page = await rig.page('#/works');
    await page.clock.install();
    await page.goto(`${rig.url}/view#/timeline/${newest}`);
    await page.reload();
    await page.getByRole('tab', { name: 'State then' }).click();
    const shown = (version: number): Promise<void> =>
      page.getByRole('tree', { name: `State of version ${version}` }).waitFor();
    await shown(newest);
    const asked: number[] = [];
    page.on('request', (request) => {
      const version = /history\/(\d+)\/state$/.exec(request.url())?.[1];
      if (version !== undefined) asked.push(Number(version));
    });
    // From here on time passes when the test says so.
    await page.clock.pauseAt(Date.now() + 60_000);
    const back = async (steps: number): Promise<void> => {
      for (let step = 0; step < steps; step += 1) await page.keyboard.press('ArrowLeft');
    };
    await page.getByRole('slider', { name: 'Version' }).focus();
    await back(3);
    expect(page.url()).toMatch(new RegExp(`/timeline/${newest - 3}$`));
    expect(asked).toEqual([]);
    await page.clock.runFor(1_000);
    await shown(newest - 3);
    // The state after a turn is that before it, with its changes.
    expect(asked).toEqual([newest - 4]);

    // This one is not answered while it is looked at.
    await page.route(`**/history/${newest - 5}/state`, () => undefined);
    await back(1);
    await page.clock.runFor(1_000);
    await until('it is asked for', () => asked.length === 2);
    const left = page.waitForEvent('requestfailed', (request) =>
      request.url().endsWith(`/history/${newest - 5}/state`),
    );
    await back(1);
    await left;
    await page.clock.runFor(1_000);
    await shown(newest - 5);
    expect(asked).toEqual([newest - 4, newest - 5, newest - 6]);
    await page.context().close();
  });

  test('a history that cannot be read is asked for again, and a turn without a change is told as one', async ({
    expect,
  }) => {
    await set('upTo', 6);
    const { newest } = (await rig.ask('history?limit=1')) as { newest: number };
    const page = await rig.page('#/works');
    let asked = 0;
    await page.route('**/history?*', async (route) => {
      asked += 1;
      if (asked <= 2) return route.abort();
      const response = await route.fetch();
      const answer = (await response.json()) as { turns: { version: number; deltas: unknown[] }[] };
      // A turn may only note how far its works' reports were applied; which one does is chance.
      for (const turn of answer.turns) if (turn.version === newest) turn.deltas = [];
      return route.fulfill({ response, json: answer });
    });
    await page.goto(`${rig.url}/view#/timeline/${newest}`);
    await page.getByText('The app does not answer').waitFor();
    await page.getByText('Nothing of the state changed').waitFor();
    await page.getByRole('option', { name: /\b0\b/, selected: true }).waitFor();
    await page.goto(`${rig.url}/view#/timeline/1`);
    await page.getByText('Version 1 is not kept any more').waitFor();
    expect(asked).toBe(3);
    await page.context().close();
  });

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

  test('the app is asked about its works when a turn says that they changed, and only then', async ({
    expect,
  }) => {
    const page = await rig.page('#/state');
    await page.clock.install();
    await page.goto(`${rig.url}/view#/works/root.writer`);
    await page.reload();
    await page.locator('.facts').getByText('default', { exact: true }).waitFor();
    const asked: string[] = [];
    page.on('request', (request) => {
      const path = new URL(request.url()).pathname.replace('/api/v1/', '');
      // Whether a line on which nothing is told is still there can only be found out by asking.
      if (path !== 'healthz') asked.push(path);
    });
    // From here on time passes when the test says so.
    await page.clock.pauseAt(Date.now() + 60_000);
    const pass = async (ms: number): Promise<void> => {
      await page.clock.runFor(ms);
      // What the page has asked meanwhile is answered in real time.
      await page.evaluate("fetch('api/v1/healthz')");
    };
    const passMinutes = async (minutes: number): Promise<void> => {
      for (let seconds = 0; seconds < minutes * 60; seconds += 2) await pass(2_000);
    };
    await passMinutes(2);
    expect(asked).toEqual([]);

    const footer = page.locator('.side-foot dl');
    const told = async (version: number): Promise<boolean> => {
      await pass(100);
      return (await footer.innerText()).includes(version.toLocaleString('en-US'));
    };
    const ofField = (await rig.patch([
      { op: 'replace', path: '/works/writer/vars/note', value: 'no process comes or goes' },
    ])) as { version: number };
    await until('the page is told of a field', () => told(ofField.version));
    await passMinutes(2);
    expect(asked).toEqual([]);

    await set('text', 'one more call');
    await until('the page asks', async () => {
      await pass(100);
      return asked.length > 0;
    });
    await until('the call has ended', async () => {
      const works = (await rig.ask('works')) as { name: string; status: { stage: string } }[];
      const writer = works.find(({ name }) => name === 'root.writer');
      return (await rig.ask(NOTE)) === 'one more call' && writer?.status.stage === 'succeeded';
    });
    const { newest } = (await rig.ask('history?limit=1')) as { newest: number };
    await until('the page is told of its end', () => told(newest));
    await passMinutes(2);
    const { length } = asked;
    await passMinutes(2);
    expect(asked.length).toBe(length);
    expect(new Set(asked)).toEqual(new Set(['works']));
    await page.context().close();
  });

  test('a page that is hidden takes the turns that come, and one that came right before', async ({
    expect,
  }) => {
    const page = await rig.page('#/state/vars/text');
    const shown = (text: string): Promise<void> =>
      page.getByRole('treeitem', { name: `text "${text}"` }).waitFor();
    const frames = await HeldFrames.of(page);
    await set('text', 'right before');
    await until('a turn waits for a frame', async () => (await frames.count()) > 0);
    await frames.tell(true);
    await shown('right before');
    await set('text', 'while it is hidden');
    await shown('while it is hidden');
    await frames.tell(false);
    await frames.draw();
    await set('text', 'when it is shown again');
    await shown('when it is shown again');
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.context().close();
  });

  test('lines that stopped coming while a page was hidden, and came again, are not told as lost', async () => {
    const page = await rig.page('#/logs/root.spare');
    await page.getByText('Nothing was printed yet').waitFor();
    const frames = await HeldFrames.of(page);
    const again = page.waitForResponse(/logs\?follow=1/);
    rig.line.cut();
    await again;
    await frames.draw();
    await page.getByText('The lines stopped coming').waitFor({ state: 'detached' });
    await page.context().close();
  });

  test('a page of another origin may not read the clipboard', async ({ expect }) => {
    const page = await rig.page('#/app/Own');
    await page.route('https://elsewhere.example/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><p>Elsewhere' }),
    );
    const accessOf = (title: string): Promise<string | null> =>
      page.locator(`iframe[title="${title}"]`).getAttribute('allow');
    expect(await accessOf('Own')).toBe('clipboard-read; clipboard-write; fullscreen');
    await page.getByRole('tab', { name: 'Foreign' }).click();
    await page.frameLocator('iframe[title=Foreign]').getByText('Elsewhere').waitFor();
    expect(await accessOf('Foreign')).toBe('clipboard-write; fullscreen');
    expect(rig.problems.splice(0)).toEqual(['asked https://elsewhere.example/page']);
    await page.context().close();
  });

  test('of two tabs of one name one is shown at a time', async ({ expect }) => {
    const page = await rig.page('#/app/Own');
    const chosen = page.getByRole('tab', { selected: true });
    await page.getByRole('tab', { name: /^Own \(2\)/ }).click();
    await page.getByRole('heading', { name: 'Own (2) cannot be shown' }).waitFor();
    expect(await chosen.allTextContents()).toEqual(['Own (2)']);
    expect(await page.getByRole('tabpanel').count()).toBe(1);
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

  test.for([
    ['that is run afresh', {}],
    ['whose first turn is not over yet', { FIRST_TURN_MS: '5000' }],
  ] as const)('a frozen timeline begins anew with an app %s', async ([, env], { expect }) => {
    for (let turn = 0; turn < 30; turn += 1) await set('text', `turn ${turn}`);
    const { newest } = (await rig.ask('history?limit=1')) as { newest: number };
    const page = await rig.page(`#/timeline/${newest}`);
    await page.getByRole('option', { selected: true }).waitFor();
    await rig.runAfresh(env);
    await page.getByText('is newer than these turns').waitFor({ timeout: BACK_MS });
    const versions = page.getByRole('option').locator('.turn-version');
    await versions.first().waitFor();
    const listed = (await versions.allTextContents()).map((text) => Number(text.replace(',', '')));
    expect(listed.at(-1)).toBe(2);
    expect(listed).toEqual(listed.map((_, index) => 2 + listed.length - 1 - index));
    await page.context().close();
  });
});
