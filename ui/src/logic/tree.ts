/**
 * The state tree as a list of rows: only what is open is visited.
 *
 * T1 A container with more than {@link PAGE} children shows them in pages, and pages of pages, so that opening an array
 *    of a million numbers adds a few rows.
 */
import type { Json } from '../../../runtime/state/json.ts';
import { sizeOf } from './format.ts';
import { below, pathTo } from './pointer.ts';

/** Children shown without pages, and in one page. */
export const PAGE = 100;

export interface TreeRow {
  /** Pointer, with the range for a page: what `open` holds. */
  readonly id: string;
  readonly pointer: string;
  /** Key in its parent, or the range of a page. */
  readonly label: string;
  /** Levels above it that are shown. */
  readonly depth: number;
  /** Of a page: the container that it is a part of. */
  readonly value: Json;
  readonly isPage: boolean;
  readonly canOpen: boolean;
  readonly isOpen: boolean;
  /** Which of how many it is among the rows right below its parent's row, from 1; most of them may not be drawn. */
  readonly position: number;
  readonly siblings: number;
}

export interface TreeFilter {
  /** Places that were found. */
  readonly found: ReadonlySet<string>;
  /** Every place above one that was found. */
  readonly above: ReadonlySet<string>;
}

/** Rows below a place, those of open containers included. */
export function treeRows(
  doc: Json,
  open: ReadonlySet<string>,
  filter: TreeFilter | null = null,
): TreeRow[] {
  const rows: TreeRow[] = [];
  addChildren(rows, { doc, pointer: '', depth: 0 }, open, filter);
  return rows;
}

interface Holder {
  readonly doc: Json;
  readonly pointer: string;
  readonly depth: number;
}

function addChildren(
  rows: TreeRow[],
  holder: Holder,
  open: ReadonlySet<string>,
  filter: TreeFilter | null,
): void {
  const { doc } = holder;
  if (typeof doc !== 'object' || doc === null) return;
  const keys = Array.isArray(doc) ? null : Object.keys(doc);
  const size = keys?.length ?? sizeOf(doc);
  if (filter !== null && !filter.found.has(holder.pointer)) {
    const shown = (keys ?? Object.keys(doc)).filter((key) => {
      const pointer = below(holder.pointer, key);
      return filter.found.has(pointer) || filter.above.has(pointer);
    });
    for (const [index, key] of shown.entries())
      addChild(rows, holder, { key, position: index + 1, siblings: shown.length }, open, filter);
    return;
  }
  addRange(rows, { ...holder, keys, from: 0, to: size }, open);
}

interface Range extends Holder {
  /** `null` for an array. */
  readonly keys: readonly string[] | null;
  readonly from: number;
  readonly to: number;
}

function addRange(rows: TreeRow[], range: Range, open: ReadonlySet<string>): void {
  const { doc, pointer, depth, keys, from, to } = range;
  const length = to - from;
  if (length <= PAGE) {
    for (let index = from; index < to; index += 1) {
      const key = keys?.[index] ?? String(index);
      addChild(rows, range, { key, position: index - from + 1, siblings: length }, open, null);
    }
    return;
  }
  const step = stepOf(length);
  const siblings = Math.ceil(length / step);
  for (let start = from; start < to; start += step) {
    const end = Math.min(start + step, to);
    const id = `${pointer}#${start}-${end}`;
    const isOpen = open.has(id);
    const label = `${start} … ${end - 1}`;
    const position = (start - from) / step + 1;
    const page = { value: doc, isPage: true, canOpen: true, isOpen, position, siblings };
    rows.push({ id, pointer, label, depth, ...page });
    if (isOpen) addRange(rows, { ...range, from: start, to: end, depth: depth + 1 }, open);
  }
}

interface Child {
  readonly key: string;
  readonly position: number;
  readonly siblings: number;
}

function addChild(
  rows: TreeRow[],
  holder: Holder,
  { key, position, siblings }: Child,
  open: ReadonlySet<string>,
  filter: TreeFilter | null,
): void {
  const value = Array.isArray(holder.doc)
    ? holder.doc[Number(key)]
    : (holder.doc as { readonly [key: string]: Json })[key];
  if (value === undefined) return;
  const pointer = below(holder.pointer, key);
  const canOpen = sizeOf(value) > 0;
  const isOpen = canOpen && (open.has(pointer) || filter?.above.has(pointer) === true);
  const { depth } = holder;
  const node = { value, isPage: false, canOpen, isOpen, position, siblings };
  rows.push({ id: pointer, pointer, label: key, depth, ...node });
  if (isOpen) addChildren(rows, { doc: value, pointer, depth: depth + 1 }, open, filter);
}

/** Where a row is now; when it is not shown any more, where the nearest one above it in the tree is, or -1. */
export function indexOf(
  rows: readonly TreeRow[],
  { id, pointer }: Pick<TreeRow, 'id' | 'pointer'>,
): number {
  for (const at of [id, ...pathTo(pointer).toReversed()]) {
    const index = rows.findIndex((row) => row.id === at);
    if (index >= 0) return index;
  }
  return -1;
}

/** The row that one is right below in the tree: a container or a page of one. */
export function parentOf(rows: readonly TreeRow[], index: number): TreeRow | undefined {
  const depth = rows[index]?.depth ?? 0;
  return rows.slice(0, Math.max(0, index)).findLast((row) => row.depth < depth);
}

/** What must be open for a place to be shown: everything above it, and the pages that it is in. */
export function openTo(doc: Json, target: string): string[] {
  const ids: string[] = [];
  let value: Json | undefined = doc;
  const path = pathTo(target);
  for (const [index, pointer] of path.slice(0, -1).entries()) {
    if (typeof value !== 'object' || value === null) break;
    ids.push(pointer);
    const next = path[index + 1] ?? '';
    const keys: string[] = Object.keys(value);
    const place = keys.findIndex((key) => below(pointer, key) === next);
    if (place >= 0) ids.push(...pagesTo(pointer, place, keys.length));
    const key: string | undefined = keys[place];
    value = key === undefined ? undefined : (value as { readonly [key: string]: Json })[key];
  }
  return ids;
}

/** Pages, from the widest on, that hold one of so many children. */
function pagesTo(pointer: string, place: number, size: number): string[] {
  const ids: string[] = [];
  let from = 0;
  let to = size;
  while (to - from > PAGE) {
    const step = stepOf(to - from);
    from += Math.floor((place - from) / step) * step;
    to = Math.min(from + step, to);
    ids.push(`${pointer}#${from}-${to}`);
  }
  return ids;
}

/** Children in one page of so many: a power of {@link PAGE}, so that there are at most as many pages. */
function stepOf(length: number): number {
  let step = PAGE;
  while (length / step > PAGE) step *= PAGE;
  return step;
}

export interface Search {
  readonly filter: TreeFilter;
  readonly count: number;
  /** There are more than were looked for. */
  readonly isCut: boolean;
}

/**
 * Places whose key or value has some text; whose pointer begins with it, when it begins with a slash.
 *
 * @param limit - places after which the search ends
 */
export function searchTree(doc: Json, text: string, limit: number): Search {
  const wanted = text.toLowerCase();
  const found = new Set<string>();
  const above = new Set<string>();
  const byPointer = wanted.startsWith('/');
  const visit = (value: Json, pointer: string): boolean => {
    if (typeof value !== 'object' || value === null) return true;
    for (const [key, child] of Object.entries(value)) {
      const at = below(pointer, key);
      const isHit = byPointer
        ? at.toLowerCase().startsWith(wanted)
        : key.toLowerCase().includes(wanted) || hasText(child, wanted);
      if (isHit) {
        if (found.size >= limit) return false;
        found.add(at);
        for (const each of pathTo(pointer)) above.add(each);
        // What is inside something found is shown with it.
        if (byPointer) continue;
      }
      if (!visit(child, at)) return false;
    }
    return true;
  };
  const isWhole = visit(doc, '');
  return { filter: { found, above }, count: found.size, isCut: !isWhole };
}

function hasText(value: Json, wanted: string): boolean {
  if (typeof value === 'string') return value.toLowerCase().includes(wanted);
  if (typeof value === 'object') return value === null && wanted === 'null';
  return String(value).includes(wanted);
}
