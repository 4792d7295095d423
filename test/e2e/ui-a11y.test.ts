import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { chromiumPath, UiRig, type View } from './ui-rig.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What to open, and what must be there before it is looked at. */
const PAGES: readonly (readonly [hash: string, ready: string])[] = [
  ['#/app/Panel', 'iframe[title=Panel]'],
  ['#/works', '.work-line.head + *, .virtual-some .work-line'],
  ['#/works/root.broken', '.failure'],
  ['#/state/vars/limit', '.state-row.active'],
  ['#/timeline', '.turn-line'],
  ['#/timeline/3', '.steps'],
  ['#/logs', '.log-line'],
  ['#/commands/invite', '.command-form'],
];
const VIEWS: readonly View[] = [{ scheme: 'light' }, { scheme: 'dark' }, { width: 360 }];

async function faultsOf(page: Page): Promise<string[]> {
  // The page's own policy lets no other scripts in.
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate(
    'axe.run(document, { iframes: false })',
  )) as AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
    );
}

describe.skipIf(chromiumPath === null)('accessibility', () => {
  let rig: UiRig;
  beforeAll(async () => {
    rig = await UiRig.open('test/fixtures/dashboard/app.fixture.ts');
  });
  afterAll(async () => await rig.close());

  for (const [hash, ready] of PAGES) {
    for (const view of VIEWS) {
      const { scheme = 'light', width = 1_280 } = view;
      test(`${hash} has no serious fault, ${scheme} at ${width} pixels`, async ({ expect }) => {
        const page = await rig.page(hash, view);
        await page.locator(ready).first().waitFor();
        expect(await faultsOf(page)).toEqual([]);
        const overflow = await page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        expect(overflow).toBe(0);
        await page.context().close();
      });
    }
  }

  test('dialogs have no serious fault and give the focus back', async ({ expect }) => {
    const page = await rig.page('#/state/vars/limit');
    await page.getByRole('tree').focus();
    await page.keyboard.press('F2');
    await page.getByRole('dialog', { name: 'Edit' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('tree');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
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
    await page.context().close();
  });
});
