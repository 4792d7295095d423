import type { ArrayNode } from './array-node.ts';
import type { Cell } from './cell.ts';
import { handleOf } from './handle.ts';
import { cloneJson, type Json } from './json.ts';

type Compare = (a: unknown, b: unknown) => number;
type Work = (node: ArrayNode, cell: Cell, args: unknown[]) => unknown;

/**
 * The array methods that write, each done natively on the plain array and recorded as what it means.
 *
 * Left to the generic algorithms, `shift` on a tracked array would record one replacement per element.
 */
const WORK: Readonly<Record<string, Work>> = {
  push: (node, cell, items) => {
    node.splice(cell, node.array.length, 0, items);
    return node.array.length;
  },
  pop: (node, cell) =>
    node.array.length === 0 ? undefined : node.splice(cell, node.array.length - 1, 1, [])[0],
  shift: (node, cell) => (node.array.length === 0 ? undefined : node.splice(cell, 0, 1, [])[0]),
  unshift: (node, cell, items) => {
    node.splice(cell, 0, 0, items);
    return node.array.length;
  },
  splice: (node, cell, args) => {
    const { length } = node.array;
    const [start, count, ...items] = args;
    const from = relativeIndex(start, length, 0);
    const most = length - from;
    const removeCount =
      args.length === 0
        ? 0
        : args.length === 1
          ? most
          : Math.min(Math.max(toInteger(count), 0), most);
    return node.splice(cell, from, removeCount, items);
  },
  sort: (node, cell, [compare]) => {
    const before = node.array.slice();
    const seen = before.map((value, index) => node.present(value, index));
    const sorted = seen.toSorted(compare as Compare | undefined).map(toRaw);
    // A comparison that writes to the array it sorts has undefined results; keep what it wrote.
    if (
      before.length === node.array.length &&
      before.every((value, index) => value === node.array[index])
    ) {
      node.reorder(cell, sorted);
    }
    return node.proxy;
  },
  reverse: (node, cell) => {
    node.reorder(cell, node.array.toReversed());
    return node.proxy;
  },
  fill: (node, cell, [value, start, end]) => {
    const { length } = node.array;
    const to = relativeIndex(end, length, length);
    for (let index = relativeIndex(start, length, 0); index < to; index += 1)
      node.setIndex(cell, index, value);
    return node.proxy;
  },
  copyWithin: (node, cell, [target, start, end]) => {
    const { array } = node;
    const moved = array
      .slice()
      .copyWithin(
        toInteger(target),
        toInteger(start),
        relativeIndex(end, array.length, array.length),
      );
    const changes: [number, Json][] = [];
    for (const [index, value] of moved.entries()) {
      if (value !== array[index]) changes.push([index, cloneJson(value)]);
    }
    node.replaceAll(cell, changes);
    return node.proxy;
  },
};

/** Whether a method of arrays writes. */
export function isMutator(name: string): boolean {
  return Object.hasOwn(mutators, name);
}

/** The writing methods as user code sees them; shared, so that `a.push === a.push`. */
export const mutators: Readonly<Record<string, (this: unknown, ...args: unknown[]) => unknown>> =
  Object.fromEntries(Object.entries(WORK).map(([name, work]) => [name, mutator(name, work)]));

function mutator(name: string, work: Work): (this: unknown, ...args: unknown[]) => unknown {
  const native: (this: unknown, ...args: unknown[]) => unknown = Reflect.get(Array.prototype, name);
  const method = function (this: unknown, ...args: unknown[]): unknown {
    const node =
      typeof this === 'object' && this !== null
        ? (handleOf(this) as ArrayNode | undefined)
        : undefined;
    if (node === undefined || !Array.isArray(node.raw)) return native.apply(this, args);
    const cell = node.root();
    if (cell !== undefined) return work(node, cell, args);
    const result = native.apply(node.array, args);
    return result === node.array ? node.proxy : node.present(result, -1);
  };
  Object.defineProperty(method, 'name', { value: name });
  return method;
}

function toRaw(value: unknown): Json {
  const handle = typeof value === 'object' && value !== null ? handleOf(value) : undefined;
  return (handle?.raw ?? value) as Json;
}

function toInteger(value: unknown): number {
  const number = Math.trunc(Number(value));
  return Number.isNaN(number) ? 0 : number;
}

function relativeIndex(value: unknown, length: number, fallback: number): number {
  if (value === undefined) return fallback;
  const index = toInteger(value);
  return index < 0 ? Math.max(length + index, 0) : Math.min(index, length);
}
