import { appError } from '../errors/index.ts';
import { attachChild, detach, toComponent } from './adopt.ts';
import { Component } from './component.ts';
import { metaOf } from './meta.ts';
import { describe } from './untracked.ts';

/**
 * Components in order, added and removed while the app runs. Each keeps the id it was given, so names never drift.
 *
 * @example
 * ```ts
 * import { Flow, List, Work } from 'stormkite';
 * class Step extends Work { run(n: number) { console.log(n); } }
 * class Root extends Flow {
 *   steps = new List<Step>([new Step()]);
 *   run() { for (const step of this.steps) step.run(1); }
 * }
 * ```
 */
export interface List<T extends Component> extends Iterable<T>, Pick<readonly T[], ReadMethod> {
  readonly [index: number]: T;
  readonly length: number;
  /** Attaches components at the end; returns the new length. */
  push(...components: T[]): number;
  /** Stops and deletes one member; false when it is not a member. */
  remove(component: T): boolean;
}

/** Methods of arrays that a List has too: those that only read. */
const READ_METHODS = [
  'at',
  'entries',
  'every',
  'filter',
  'find',
  'findIndex',
  'findLast',
  'flatMap',
  'forEach',
  'includes',
  'indexOf',
  'keys',
  'map',
  'reduce',
  'slice',
  'some',
  'values',
] as const;
type ReadMethod = (typeof READ_METHODS)[number];

const INDEX = /^(0|[1-9]\d*)$/;
const NEXT_ID: unique symbol = Symbol('stormkite.list.next');

class ListComponent extends Component {
  [NEXT_ID] = 0;

  constructor(members: readonly unknown[] = []) {
    super('list');
    const list = new Proxy(this, handler);
    for (const member of members) addMember(this, member);
    return list;
  }

  get length(): number {
    return metaOf(this).children.size;
  }

  push(...components: unknown[]): number {
    for (const component of components) addMember(this, component);
    return this.length;
  }

  remove(component: Component): boolean {
    const { children, name } = metaOf(this);
    for (const [id, member] of children) {
      if (member !== component) continue;
      if (name === '') children.delete(id);
      else detach(member);
      return true;
    }
    return false;
  }

  *[Symbol.iterator](): IterableIterator<Component> {
    yield* [...metaOf(this).children.values()];
  }
}

export const List = ListComponent as unknown as new <T extends Component>(
  members?: readonly T[],
) => List<T>;

const handler: ProxyHandler<ListComponent> = {
  get(target, key) {
    if (typeof key === 'string' && INDEX.test(key)) return memberAt(target, Number(key));
    if (isReadMethod(key)) return Reflect.get(Array.prototype, key).bind([...target]);
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' && key !== 'constructor' ? value.bind(target) : value;
  },
  has(target, key) {
    if (typeof key === 'string' && INDEX.test(key)) return Number(key) < target.length;
    return Reflect.has(target, key);
  },
  set(target, key, value) {
    if (typeof key === 'symbol') return Reflect.set(target, key, value);
    throw appError('COMPONENT_REASSIGNED', {
      name: `${metaOf(target).name || 'the List'}[${key}]`,
    });
  },
  deleteProperty(target, key) {
    const member =
      typeof key === 'string' && INDEX.test(key) ? memberAt(target, Number(key)) : undefined;
    return member ? target.remove(member) : true;
  },
  ownKeys(target) {
    return [...target].map((_, index) => String(index)).concat(Reflect.ownKeys(target) as string[]);
  },
  getOwnPropertyDescriptor(target, key) {
    const value =
      typeof key === 'string' && INDEX.test(key) ? memberAt(target, Number(key)) : undefined;
    if (value === undefined) return Reflect.getOwnPropertyDescriptor(target, key);
    return { value, enumerable: true, configurable: true, writable: true };
  },
};

/** Puts a member back under the id that it had; later ids stay above it. */
export function restoreMember(list: Component, id: string, member: Component): void {
  reserveIds(list, Number(id) + 1);
  attachChild(list, id, member);
}

/** Never gives out an id below `next` again. */
export function reserveIds(list: Component, next: number): void {
  const holder = list as unknown as { [NEXT_ID]: number };
  holder[NEXT_ID] = Math.max(holder[NEXT_ID], next);
}

/** The id that the next member will get. */
export function nextIdOf(list: Component): number {
  return (list as unknown as { [NEXT_ID]: number })[NEXT_ID];
}

function isReadMethod(key: string | symbol): key is ReadMethod {
  return READ_METHODS.some((name) => name === key);
}

function addMember(list: ListComponent, value: unknown): void {
  const member = toComponent(value);
  if (member === null)
    throw appError('COMPONENT_EXPECTED', { where: 'a List', got: describe(value) });
  const id = list[NEXT_ID];
  list[NEXT_ID] += 1;
  attachChild(list, String(id), member);
}

function memberAt(list: ListComponent, index: number): Component | undefined {
  return [...metaOf(list).children.values()][index];
}
