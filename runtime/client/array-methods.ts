/** Methods that change an array, for lists inside `app.state`. All others read, and work on a view as they are. */
import { toJsonCopy, type Json } from '../state/json.ts';
import type { Place, ValueViews } from './value-view.ts';

/** Has the changing methods of arrays, and no other member. */
type Methods = Pick<
  unknown[],
  'copyWithin' | 'fill' | 'pop' | 'push' | 'reverse' | 'shift' | 'sort' | 'splice' | 'unshift'
>;

const NAMES = {
  copyWithin: true,
  fill: true,
  pop: true,
  push: true,
  reverse: true,
  shift: true,
  sort: true,
  splice: true,
  unshift: true,
} satisfies Record<keyof Methods, true>;

export function isArrayMethod(name: string): name is keyof Methods {
  return Object.hasOwn(NAMES, name);
}

/** The changing methods of the list at a place. What they remove and return is a plain frozen value. */
export function arrayMethods(views: ValueViews, place: Place): Methods {
  const items = (): readonly Json[] => views.items(place);
  const self = (): unknown[] => views.of(views.at(place) ?? [], place) as unknown[];
  const removeAt = (index: number): Json | undefined => {
    const item = items()[index];
    views.remove(place, String(index));
    return item;
  };
  /** Copies of what will be items from an index on: all are checked before anything is written. */
  const copiesFor = (index: number, values: readonly unknown[]): Json[] =>
    values.map((value, offset) => toJsonCopy(value, `${place.name}[${index + offset}]`));
  const insertAt = (index: number, values: readonly Json[]): void => {
    for (const [offset, value] of values.entries()) views.insert(place, index + offset, value);
  };
  /** Does what an array's own method does, and puts the result in place of the whole list. */
  const rewrite = (change: (copy: unknown[]) => unknown[]): unknown[] => {
    views.replace(place, toJsonCopy(change([...items()]), place.name));
    return self();
  };
  return {
    push: (...values) => {
      const { length } = items();
      insertAt(length, copiesFor(length, values));
      return items().length;
    },
    pop: () => removeAt(items().length - 1),
    shift: () => removeAt(0),
    unshift: (...values) => {
      insertAt(0, copiesFor(0, values));
      return items().length;
    },
    splice: (...args: [start: number, deleteCount: number, ...values: unknown[]]) => {
      const { length } = items();
      // As arrays read a position: what is no number is 0.
      const start = Math.trunc(args[0]) || 0;
      const from = start < 0 ? Math.max(0, length + start) : Math.min(start, length);
      const copies = copiesFor(from, args.slice(2));
      const copy: unknown[] = [...items()];
      const removed = copy.splice(...args);
      for (let left = removed.length; left > 0; left -= 1) removeAt(from);
      insertAt(from, copies);
      return removed;
    },
    sort: (compare) => rewrite((copy) => copy.toSorted(compare)),
    reverse: () => rewrite((copy) => copy.toReversed()),
    fill: (value, start, end) => rewrite((copy) => copy.fill(value, start, end)),
    copyWithin: (target, start, end) => rewrite((copy) => copy.copyWithin(target, start, end)),
  };
}
