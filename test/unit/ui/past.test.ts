import fc from 'fast-check';
import { describe, test } from 'vitest';
import { pageOf, pastWith, type Past, type Wanted } from '../../../ui/src/logic/past.ts';
import type { Turn } from '../../../ui/src/logic/turns.ts';

const NOTHING: Past = { turns: [], oldest: null };
const MOST_PAGES = 10;

/** What an app answers that keeps the turns from one version to another. */
function kept(first: number, last: number) {
  return (from: number, to: number): { oldest: number; turns: Turn[] } => {
    const turns: Turn[] = [];
    for (let version = Math.max(from, first); version <= Math.min(to, last); version += 1)
      turns.push({ version, at: 0, deltas: [] });
    return { oldest: first - 1, turns };
  };
}

/** Asks until nothing is missing. */
function load(
  app: ReturnType<typeof kept>,
  before: number,
  wanted: Wanted | null,
  known = NOTHING,
): { readonly past: Past; readonly pages: number } {
  let past = known;
  for (let pages = 0; pages <= MOST_PAGES; pages += 1) {
    const page = pageOf(before, past, wanted);
    if (page === null) return { past, pages };
    past = pastWith(page, app(page.from, page.to));
  }
  throw new Error(`more than ${MOST_PAGES} pages were asked for`);
}

describe('the past', () => {
  test('ends right before what is known, and reaches back to what is wanted', ({ expect }) => {
    const app = kept(101, 9_000);
    const { past, pages } = load(app, 8_001, null);
    expect([pages, past.turns[0]?.version, past.turns.at(-1)?.version]).toEqual([1, 7_001, 8_000]);
    const far = load(app, 8_001, { before: 8_001, version: 3_000 }, past);
    expect(far.pages).toBe(1);
    expect(far.past.turns.map(({ version }) => version)).toEqual(
      Array.from({ length: 5_051 }, (_, index) => 2_950 + index),
    );
    const all = load(app, 8_001, { before: 8_001, version: 1 }, past);
    expect([all.past.oldest, all.past.turns[0]?.version]).toEqual([100, 101]);
  });

  test('begins anew when the first turn that is known moves, to a lower version too', ({
    expect,
  }) => {
    const { past } = load(kept(2, 5_000), 4_001, null);
    const newer = load(kept(2, 5_000), 4_500, null, past).past.turns;
    expect(newer.at(-1)?.version).toBe(4_499);
    const afresh = kept(2, 9);
    expect(load(afresh, 10, null, past).past.turns.at(-1)?.version).toBe(9);
    const empty = load(afresh, 4_001, null).past;
    expect(load(afresh, 10, null, empty).past.turns.at(-1)?.version).toBe(9);
  });

  test('an app that has no turn which joins what is loaded is not asked on and on', ({
    expect,
  }) => {
    const { past } = load(kept(2, 5_000), 4_001, null);
    const wanted = { before: 4_001, version: 5 };
    for (const afresh of [kept(2, 1), kept(2, 2_990)]) {
      const { turns } = past;
      expect(load(afresh, 4_001, wanted, past)).toMatchObject({ pages: 1, past: { turns } });
      expect(load(afresh, 4_001, wanted)).toMatchObject({ pages: 1, past: { turns: [] } });
    }
  });

  test('has no gap, and asking for it ends, whatever the app keeps', ({ expect }) => {
    const version = fc.integer({ min: 1, max: 6_000 });
    fc.assert(
      fc.property(version, version, version, version, (first, last, before, wanted) => {
        const { past } = load(kept(first, last), before, { before, version: wanted });
        const versions = past.turns.map((turn) => turn.version);
        const from = before - versions.length;
        expect(versions).toEqual(versions.map((_, index) => from + index));
      }),
      { numRuns: 200 },
    );
  });
});
