import { describe, test } from 'vitest';
import type { Json } from '../../../runtime/state/json.ts';
import { openTo, searchTree, treeRows } from '../../../ui/src/logic/tree.ts';

const doc: Json = {
  vars: { limit: 8, 'a/b': { deep: 'needle' }, empty: {} },
  big: Array.from({ length: 12_345 }, (_, index) => index),
};
const labels = (rows: readonly { label: string; depth: number }[]): string[] =>
  rows.map(({ label, depth }) => '  '.repeat(depth) + label);

describe('treeRows', () => {
  test('shows what is open, and nothing below what is not', ({ expect }) => {
    expect(labels(treeRows(doc, new Set(['/vars'])))).toEqual([
      'vars',
      '  limit',
      '  a/b',
      '  empty',
      'big',
    ]);
    const empty = treeRows(doc, new Set(['/vars', '/vars/empty'])).find(
      ({ label }) => label === 'empty',
    );
    expect(empty).toMatchObject({ canOpen: false, isOpen: false });
  });

  test('a big array is shown in pages of pages', ({ expect }) => {
    const open = new Set(['/big']);
    const pages = treeRows(doc, open).filter(({ isPage }) => isPage);
    expect(pages.length).toBe(2);
    expect(labels(pages)).toEqual(['  0 … 9999', '  10000 … 12344']);
    const rows = treeRows(doc, new Set([...open, ...openTo(doc, '/big/10101')]));
    expect(rows.some(({ pointer, isPage }) => pointer === '/big/10101' && !isPage)).toBe(true);
    expect(rows.length).toBeLessThan(250);
  });

  test('a place is opened whatever characters are in its keys', ({ expect }) => {
    const rows = treeRows(doc, new Set(openTo(doc, '/vars/a~1b/deep')));
    expect(rows.find(({ pointer }) => pointer === '/vars/a~1b/deep')?.value).toBe('needle');
    expect(openTo(doc, '/none/at/all')).toEqual(['']);
  });
});

describe('searchTree', () => {
  test('finds keys, values and pointers, and shows what is above them alone', ({ expect }) => {
    const found = (text: string): string[] => [...searchTree(doc, text, 10).filter.found];
    expect(found('NEED')).toEqual(['/vars/a~1b/deep']);
    expect(found('limit')).toEqual(['/vars/limit']);
    expect(found('/vars/a~1')).toEqual(['/vars/a~1b']);
    const { filter } = searchTree(doc, 'needle', 10);
    expect(labels(treeRows(doc, new Set(), filter))).toEqual(['vars', '  a/b', '    deep']);
  });

  test('ends at a limit and says so', ({ expect }) => {
    expect(searchTree(doc, '1', 5)).toMatchObject({ count: 5, isCut: true });
    expect(searchTree(doc, 'limit', 5)).toMatchObject({ count: 1, isCut: false });
  });
});
