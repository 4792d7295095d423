/**
 * How much a page does while a thousand works are there and one of them changes all the time. How long that takes depends on
 * what else the machine does, so it is printed, beside that of an empty page at the same time; what is asserted is how much
 * there is to do.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { until } from '../support/until.ts';
import { chromiumPath, UiRig } from './ui-rig.ts';

/** A page is watched until the app has made as many changes, and the page as many frames of them. */
const CHANGES = 1_000;
const FRAMES = 20;
/** The window is 800 pixels high and the lowest row has 22, beside the rows above and below that are kept ready. */
const MAX_ROWS = 60;
/** One layout to draw a frame, one to know where a list is scrolled to before it is drawn, and one to spare. */
const MAX_LAYOUTS_PER_FRAME = 3;

interface Watched {
  readonly frames: number;
  readonly longestMs: number;
  /** How often another version of the state was drawn. */
  readonly draws: number;
  /** Most rows that there were, and most of them that were drawn anew in one frame. */
  readonly rows: number;
  readonly touched: number;
}

/** Watches frames until {@link Watched} is asked for. */
function watch(page: Page, row: string, meanwhile: string): Promise<Watched> {
  return page.evaluate(`new Promise((resolve) => {
    let last = performance.now(), frames = 0, longestMs = 0, draws = 0, rows = 0, touched = 0;
    const anew = new Set();
    const rowOf = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest(${JSON.stringify(row)});
    const watched = new MutationObserver((records) => {
      for (const { target, addedNodes } of records)
        for (const node of [target, ...addedNodes]) {
          const row = rowOf(node);
          if (row) anew.add(row);
        }
    });
    const drawn = new MutationObserver(() => { draws += 1; });
    const everything = { subtree: true, childList: true, characterData: true, attributes: true };
    watched.observe(document.querySelector('main') ?? document, everything);
    const version = document.querySelector('.side-foot dd.number');
    if (version) drawn.observe(version, everything);
    globalThis.enough = false;
    const step = (now) => {
      longestMs = Math.max(longestMs, now - last);
      last = now;
      frames += 1;
      rows = Math.max(rows, document.querySelectorAll(${JSON.stringify(row)}).length);
      touched = Math.max(touched, anew.size);
      anew.clear();
      ${meanwhile}
      globalThis.framesSoFar = frames;
      if (!globalThis.enough) requestAnimationFrame(step);
      else {
        watched.disconnect();
        drawn.disconnect();
        resolve({ frames, longestMs, draws, rows, touched });
      }
    };
    requestAnimationFrame((now) => { last = now; requestAnimationFrame(step); });
  })`) as Promise<Watched>;
}

const SCROLLS =
  "const list = document.querySelector('[role=grid]'); list.scrollTop = (list.scrollTop + 173) % (list.scrollHeight - list.clientHeight);";

interface Look {
  readonly hash: string;
  /** Selects a row of what is looked at. */
  readonly row: string;
  /** Most rows that are drawn anew in a frame. */
  readonly touched: number;
  readonly meanwhile?: string;
}

const LOOKS: Readonly<Record<string, Look>> = {
  // Fields are not in the list: of the work that changes nothing is drawn but how long it runs, once a second.
  'the list of works': { hash: '#/works', row: '.work-line:not(.head)', touched: 1 },
  'the list of works, while it is scrolled': {
    hash: '#/works',
    row: '.work-line:not(.head)',
    touched: MAX_ROWS,
    meanwhile: SCROLLS,
  },
  'the fields of the busy work': {
    hash: '#/state/works/busy/vars/cells/50',
    row: '.state-row',
    touched: MAX_ROWS,
  },
  'the live timeline': { hash: '#/timeline', row: '.turn-line', touched: MAX_ROWS },
  'a frozen timeline': { hash: '#/timeline/3', row: '.turn-line', touched: 0 },
  'the lines of all works': { hash: '#/logs', row: '.log-line', touched: MAX_ROWS },
};

describe.skipIf(chromiumPath === null)('1,000 works and 1,000 deltas a second', () => {
  let rig: UiRig;
  beforeAll(async () => {
    rig = await UiRig.open('test/fixtures/dashboard/crowd.fixture.ts');
  }, 120_000);
  afterAll(async () => await rig.close());

  const total = async (): Promise<number> =>
    (await rig.ask('state/works/busy/vars/total')) as number;

  for (const [name, { hash, row, touched, meanwhile = '' }] of Object.entries(LOOKS)) {
    test(`${name}: what a frame takes is bounded by what can be seen`, async ({ expect }) => {
      const page = await rig.page(hash);
      await page.locator(row).first().waitFor();
      // A window of its own: a page behind another one is not drawn.
      const blank = await page.context().browser()?.newPage();
      if (blank === undefined) throw new Error('the page has no browser');
      const metrics = await page.context().newCDPSession(page);
      await metrics.send('Performance.enable');
      const layouts = async (): Promise<number> => {
        const { metrics: all } = await metrics.send('Performance.getMetrics');
        return all.find((metric) => metric.name === 'LayoutCount')?.value ?? Number.NaN;
      };
      const before = await total();
      const layoutsBefore = await layouts();
      const watching = [watch(page, row, meanwhile), watch(blank, 'nothing', '')] as const;
      await until(
        'there were enough changes and frames',
        async () =>
          (await total()) >= before + CHANGES &&
          ((await page.evaluate('globalThis.framesSoFar')) as number) >= FRAMES,
        60_000,
      );
      for (const each of [page, blank]) await each.evaluate('globalThis.enough = true');
      const [seen, baseline] = await Promise.all(watching);
      const layoutsPerFrame = ((await layouts()) - layoutsBefore) / seen.frames;
      console.log(
        `${name}: ${seen.rows} rows, at most ${seen.touched} drawn anew; ${seen.draws} versions drawn in ${seen.frames} frames of ${layoutsPerFrame.toFixed(1)} layouts; longest frame ${seen.longestMs.toFixed()} ms, of an empty page ${baseline.longestMs.toFixed()} ms`,
      );
      expect(seen.rows).toBeLessThanOrEqual(MAX_ROWS);
      expect(seen.touched).toBeLessThanOrEqual(touched);
      expect(seen.draws).toBeGreaterThan(0);
      expect(seen.draws).toBeLessThanOrEqual(seen.frames + 1);
      expect(layoutsPerFrame).toBeLessThanOrEqual(MAX_LAYOUTS_PER_FRAME);
      await Promise.all([page.context().close(), blank.context().close()]);
    }, 120_000);
  }

  test('the page ends with the state that the app has', async ({ expect }) => {
    const page = await rig.page('#/state/works/busy/vars/total');
    await page.locator('.state-row.active').waitFor();
    await rig.ask('works/root.busy/stop', { method: 'POST' });
    const text = page.locator('.state-row.active .state-value');
    await until('the page has the last count', async () => {
      const shown = Number(await text.textContent());
      return shown > 0 && shown === (await total());
    });
    expect(rig.problems).toEqual([]);
    await page.context().close();
  });
});
