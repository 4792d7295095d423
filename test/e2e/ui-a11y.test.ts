import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { chromiumPath, UiRig } from './ui-rig.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What to open, and what must be there before it is looked at. */
const PAGES: readonly (readonly [hash: string, ready: string])[] = [
  ['#/app/Panel', 'iframe[title=Panel]'],
  ['#/works', '.work-line.head + *, .virtual-some .work-line'],
  ['#/works/root.broken', '.failure'],
  ['#/state/vars/limit', '.state-row.active'],
  ['#/timeline', '.turn-line'],
  ['#/timeline/3', '.steps, .no-changes'],
  ['#/logs', '.log-line'],
  ['#/commands/invite', '.command-form'],
];
const VIEWS = [
  { scheme: 'light', width: 1_280 },
  { scheme: 'dark', width: 1_280 },
  { scheme: 'light', width: 360 },
  { scheme: 'dark', width: 360 },
] as const;

/** What is not there by opening a page: where, how it comes about, and what must be there then. */
interface State {
  readonly hash: string;
  readonly open: (page: Page, rig: UiRig) => Promise<void>;
  readonly ready: (page: Page) => Locator;
}

const dialog = (name: string) => (page: Page) => page.getByRole('dialog', { name });
const keys =
  (...pressed: readonly string[]) =>
  async (page: Page): Promise<void> => {
    await page.locator('.state-row.active').waitFor();
    await page.getByRole('tree').focus();
    for (const key of pressed) await page.keyboard.press(key);
  };
const confirms = (verb: string): State => ({
  hash: '#/works/root.counter',
  open: (page) => page.getByRole('button', { name: verb, exact: true }).click(),
  ready: dialog(`${verb} root.counter?`),
});

const STATES: Readonly<Record<string, State>> = {
  'the dialog to edit': { hash: '#/state/vars/limit', open: keys('F2'), ready: dialog('Edit') },
  'the dialog to add': {
    hash: '#/state/vars/labels',
    open: keys('Insert'),
    ready: dialog('Add a key'),
  },
  'the dialog to remove': {
    hash: '#/state/vars/labels/team',
    open: keys('Delete'),
    ready: dialog('Remove it?'),
  },
  'the dialog to stop a work': confirms('Stop'),
  'the dialog to delete a work': confirms('Delete'),
  'the help': {
    hash: '#/works',
    open: (page) => page.keyboard.press('?'),
    ready: dialog('Keyboard'),
  },
  'the choice after a conflict': {
    hash: '#/state/vars/title',
    open: async (page, rig) => {
      await keys('F2')(page);
      await page.getByLabel('Value', { exact: true }).fill('mine');
      await rig.patch([{ op: 'replace', path: '/vars/title', value: 'theirs' }]);
      await page.getByText('It changed since you opened it').waitFor();
      await page.getByRole('button', { name: 'Save' }).click();
    },
    ready: dialog('It changed meanwhile'),
  },
  'a notice': {
    hash: '#/state/vars/limit',
    open: async (page) => {
      await keys('F2')(page);
      await page.getByRole('button', { name: 'Save' }).click();
    },
    ready: (page) => page.locator('.notice'),
  },
  'the banner of a lost connection': {
    hash: '#/works/root.counter',
    open: async (_, rig) => {
      rig.line.isDown = true;
      rig.line.cut();
    },
    ready: (page) => page.getByText('Disconnected since'),
  },
};

/** Serious faults of what a page shows now, in every view. */
async function faultsOf(page: Page): Promise<string[]> {
  // The page's own policy lets no other scripts in.
  await page.evaluate(AXE);
  const faults: string[] = [];
  for (const { scheme, width } of VIEWS) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 800 });
    // What is drawn anew for another size is there in the next frame.
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
    );
    const { violations } = (await page.evaluate(
      'axe.run(document, { iframes: false })',
    )) as AxeResults;
    for (const { id, impact, nodes } of violations)
      if (impact === 'serious' || impact === 'critical')
        for (const { html, failureSummary } of nodes)
          faults.push(`${scheme} at ${width} pixels, ${id}: ${html}\n${failureSummary}`);
    const overflow = (await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )) as number;
    if (overflow > 0) faults.push(`${scheme} at ${width} pixels, too wide by ${overflow}`);
  }
  return faults;
}

describe.skipIf(chromiumPath === null)('accessibility', () => {
  let rig: UiRig;
  beforeAll(async () => {
    rig = await UiRig.open('test/fixtures/dashboard/app.fixture.ts');
  });
  afterAll(async () => await rig.close());
  afterEach(() => {
    rig.line.isDown = false;
  });

  for (const [hash, ready] of PAGES) {
    test(`${hash} has no serious fault`, async ({ expect }) => {
      const page = await rig.page(hash);
      await page.locator(ready).first().waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await page.context().close();
    });
  }

  for (const [what, { hash, open, ready }] of Object.entries(STATES)) {
    test(`${what} has no serious fault`, async ({ expect }) => {
      const page = await rig.page(hash);
      await open(page, rig);
      await ready(page).waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await page.context().close();
    });
  }

  test('dialogs give the focus back', async ({ expect }) => {
    const page = await rig.page('#/state/vars/limit');
    await keys('F2')(page);
    await page.getByRole('dialog', { name: 'Edit' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Edit' }).waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('tree');
    await page.context().close();
  });

  test('pages are reached by keys, unless single keys are switched off', async ({ expect }) => {
    const page = await rig.page('#/works');
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByRole('main', { name: 'Timeline' }).waitFor();
    await page.keyboard.press('?');
    await page.getByLabel('Single-key shortcuts').uncheck();
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('w');
    expect(await page.getByRole('main', { name: 'Timeline' }).count()).toBe(1);
    await page.keyboard.press('?');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.getByRole('button', { name: 'Keyboard shortcuts and help' }).first().click();
    await page.getByLabel('Single-key shortcuts').check();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.context().close();
  });
});

describe.skipIf(chromiumPath === null)('accessibility of what went wrong', () => {
  const APP = 'test/fixtures/dashboard/live.fixture.ts';

  for (const [what, verb, path] of [
    ['stopped', 'The app has stopped', 'stop'],
    ['failed', 'The app has failed', 'works/root.writer/delete'],
  ] as const) {
    test(`tabs without a page and an app that ${what} have no serious fault`, async ({
      expect,
      onTestFinished,
    }) => {
      const rig = await UiRig.open(APP);
      onTestFinished(() => rig.close());
      const page = await rig.page('#/app/Own (2)');
      await page.getByRole('heading', { name: 'Own (2) cannot be shown' }).waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await rig.ask(path, { method: 'POST' });
      await page.getByText(verb).waitFor();
      expect(await faultsOf(page)).toEqual([]);
    });
  }
});
