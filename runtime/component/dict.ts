import { appError } from '../errors/index.ts';
import { attachChild, checkAttachable, detach, toComponent } from './adopt.ts';
import { Component } from './component.ts';
import { checkKey } from './key.ts';
import { metaOf } from './meta.ts';
import { describe } from './untracked.ts';

/**
 * Components by key, added and removed while the app runs.
 *
 * `dict[key] = work` attaches, `delete dict[key]` stops and deletes, overwriting does both; iteration gives entries.
 * Keys are 1 to 128 characters without `.`, `/` and control characters. A Dict has no named methods.
 *
 * @example
 * ```ts
 * import { Dict, Flow, Work } from 'stormkite';
 * class Notebook extends Work { run() {} }
 * class Root extends Flow {
 *   notebooks = new Dict<Notebook>();
 *   run() { (this.notebooks['alice'] ??= new Notebook()).run(); }
 * }
 * ```
 */
export interface Dict<T extends Component> {
  [key: string]: T;
  [Symbol.iterator](): IterableIterator<[string, T]>;
}

class DictComponent extends Component {
  constructor(members: Readonly<Record<string, unknown>> = {}) {
    super('dict');
    for (const [key, value] of Object.entries(members)) setMember(this, key, value);
    return new Proxy(this, handler);
  }

  *[Symbol.iterator](): IterableIterator<[string, Component]> {
    yield* [...metaOf(this).children];
  }
}

export const Dict = DictComponent as unknown as new <T extends Component>(
  members?: Readonly<Record<string, T>>,
) => Dict<T>;

const handler: ProxyHandler<DictComponent> = {
  get(target, key) {
    if (typeof key === 'symbol' || key === 'constructor') return Reflect.get(target, key);
    return metaOf(target).children.get(key);
  },
  has(target, key) {
    return typeof key === 'symbol' ? Reflect.has(target, key) : metaOf(target).children.has(key);
  },
  set(target, key, value) {
    if (typeof key === 'symbol') return false;
    setMember(target, key, value);
    return true;
  },
  defineProperty(target, key, descriptor) {
    if (typeof key === 'symbol' || !('value' in descriptor)) return false;
    setMember(target, key, descriptor.value);
    return true;
  },
  deleteProperty(target, key) {
    const member = typeof key === 'string' ? metaOf(target).children.get(key) : undefined;
    if (!member) return true;
    if (metaOf(target).name === '') metaOf(target).children.delete(String(key));
    else detach(member);
    return true;
  },
  ownKeys(target) {
    return [...metaOf(target).children.keys(), ...Reflect.ownKeys(target)];
  },
  getOwnPropertyDescriptor(target, key) {
    const value = typeof key === 'string' ? metaOf(target).children.get(key) : undefined;
    if (value === undefined) return Reflect.getOwnPropertyDescriptor(target, key);
    return { value, enumerable: true, configurable: true, writable: true };
  },
};

function setMember(dict: DictComponent, key: string, value: unknown): void {
  checkKey(key);
  const { children, name } = metaOf(dict);
  const member = toComponent(value);
  if (member === null)
    throw appError('COMPONENT_EXPECTED', { where: 'a Dict', got: describe(value) });
  const old = children.get(key);
  if (old === member) return;
  if (old && name !== '') {
    checkAttachable(dict, key, member);
    detach(old);
  }
  attachChild(dict, key, member);
}
