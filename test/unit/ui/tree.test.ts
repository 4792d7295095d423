import { describe, test } from 'vitest';
import type { Json } from '../../../runtime/state/json.ts';
import { indexOf, openTo, parentOf, searchTree, treeRows } from '../../../ui/src/logic/tree.ts';

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

describe('rows in the tree', () => {
  const places = (rows: readonly { label: string; position: number; siblings: number }[]) =>
    rows.map(({ label, position, siblings }) => `${label} ${position}/${siblings}`);

  test('each knows which of how many it is, whether the others are drawn or not', ({ expect }) => {
    const rows = treeRows(doc, new Set(['/vars', '/big', '/big#10000-12345']));
    expect(places(rows.slice(0, 6))).toEqual([
      'vars 1/2',
      'limit 1/3',
      'a/b 2/3',
      'empty 3/3',
      'big 2/2',
      '0 … 9999 1/2',
    ]);
    expect(places(rows.slice(6, 8))).toEqual(['10000 … 12344 2/2', '10000 … 10099 1/24']);
    const { filter } = searchTree(doc, 'needle', 10);
    expect(places(treeRows(doc, new Set(), filter))).toEqual(['vars 1/1', 'a/b 1/1', 'deep 1/1']);
  });

  test('a page is a row of its own, with the container as its parent', ({ expect }) => {
    const rows = treeRows(doc, new Set(openTo(doc, '/big/10101')));
    const item = indexOf(rows, { id: '/big/10101', pointer: '/big/10101' });
    const pages = ['10100 … 10199', '10000 … 12344', 'big'];
    let at = item;
    for (const label of pages) {
      const parent = parentOf(rows, at);
      expect(parent?.label).toBe(label);
      at = parent === undefined ? -1 : indexOf(rows, parent);
    }
    expect(parentOf(rows, at)).toBeUndefined();
  });

  test('what is gone leaves its place to what is above it', ({ expect }) => {
    const rows = treeRows(doc, new Set(['/vars']));
    const labelAt = (id: string, pointer = id): string | undefined =>
      rows[indexOf(rows, { id, pointer })]?.label;
    expect(labelAt('/vars/a~1b/deep')).toBe('a/b');
    expect(labelAt('/vars/gone')).toBe('vars');
    expect(labelAt('/big#0-10000', '/big')).toBe('big');
    expect(labelAt('/gone')).toBeUndefined();
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
