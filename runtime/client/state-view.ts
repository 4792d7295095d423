/**
 * `app.state`: the state as an object that can be read and assigned.
 *
 * V1 A view is a place, not a value: it reads what is there now, with what this client has written and not yet been answered
 *    (W3 of `writes.ts`), and a write goes to that place.
 * V2 Values are checked and copied at the assignment, which throws for what state cannot hold.
 * V3 Only fields are assigned. Components come and go by the flow's doing.
 */
import { appError } from '../errors/index.ts';
import { toJsonCopy, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { escapeSegment } from '../state/pointer.ts';
import {
  childNamed,
  childrenOf,
  fieldOf,
  fieldsOf,
  workStatus,
  workUrl,
  type Kind,
} from './shape.ts';
import { isJsonObject } from './parse-turn.ts';
import { valueAt } from './share.ts';
import { ValueViews } from './value-view.ts';
import type { Writes } from './writes.ts';

/** What a work has besides its fields. */
const WORK_FACTS = ['status', 'url'];

/** Where Node's `console.log` asks an object how it looks. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** The view of a whole app. @throws `CLIENT_NOT_READY` from every use before the first state */
export function stateView(writes: Writes): object {
  return new ComponentViews(writes).view({ pointer: '', kind: 'flow', name: 'state' });
}

interface Component {
  readonly pointer: string;
  readonly kind: Kind;
  /** As it is written in code: `state.train`. */
  readonly name: string;
}

class ComponentViews {
  readonly #writes: Writes;
  readonly #values: ValueViews;
  readonly #known = new WeakMap<JsonObject, { readonly pointer: string; readonly view: object }>();

  constructor(writes: Writes) {
    this.#writes = writes;
    this.#values = new ValueViews(writes);
  }

  view(component: Component): object {
    const target: object = {};
    Object.defineProperty(target, INSPECT, {
      value: () => this.#plain(component),
      configurable: true,
    });
    return new Proxy(target, {
      get: (_, key) => (typeof key === 'symbol' ? undefined : this.#read(component, key)),
      has: (_, key) => typeof key === 'string' && this.#names(component).includes(key),
      ownKeys: () => this.#names(component),
      getOwnPropertyDescriptor: (_, key) =>
        typeof key === 'string' && this.#names(component).includes(key)
          ? {
              value: this.#read(component, key),
              enumerable: true,
              configurable: true,
              writable: true,
            }
          : undefined,
      getPrototypeOf: () => Object.prototype,
      set: (_, key, value) => this.#assign(component, key, value),
      defineProperty: (_, key, { value }) => this.#assign(component, key, value),
      deleteProperty: (_, key) => this.#assign(component, key, undefined),
    });
  }

  #document({ pointer, name }: Component): JsonObject | null {
    const { document } = this.#writes;
    if (document === null) throw appError('CLIENT_NOT_READY', { what: name });
    const found = valueAt(document, pointer);
    return isJsonObject(found) ? found : null;
  }

  #names(component: Component): string[] {
    const document = this.#document(component);
    if (document === null) return [];
    const facts = component.kind === 'work' ? WORK_FACTS : [];
    return [...fieldsOf(document), ...childrenOf(document).map(({ name }) => name), ...facts];
  }

  #read(component: Component, name: string): unknown {
    const document = this.#document(component);
    if (document === null) return undefined;
    if (component.kind === 'work' && name === 'status') return workStatus(document);
    if (component.kind === 'work' && name === 'url') return workUrl(document);
    const value = fieldOf(document, name);
    if (value !== undefined) {
      const field = fieldPointer(component, name);
      return this.#values.of(value, { field, pointer: field, name: `${component.name}.${name}` });
    }
    const found = childNamed(document, name);
    if (found === null) return Reflect.get(Object.prototype, name);
    const pointer = `${component.pointer}/${found.group}/${escapeSegment(name)}`;
    const known = this.#known.get(found.child);
    if (known?.pointer === pointer) return known.view;
    const view = this.view({ pointer, kind: found.kind, name: `${component.name}.${name}` });
    this.#known.set(found.child, { pointer, view });
    return view;
  }

  #assign(component: Component, key: string | symbol, value: unknown): boolean {
    const place = `${component.name}.${String(key)}`;
    const document = this.#document(component);
    if (document === null) throw appError('SERVER_POINTER_UNKNOWN', { pointer: component.pointer });
    const what = typeof key === 'symbol' ? 'no field' : fixedAs(component, document, key);
    if (what !== null || typeof key === 'symbol')
      throw appError('CLIENT_STATE_FIXED', { place, what: what ?? 'no field' });
    const path = fieldPointer(component, key);
    const isThere = fieldOf(document, key) !== undefined;
    if (value === undefined) {
      if (isThere) this.#writes.write(path, [{ op: 'remove', path }]);
      return true;
    }
    const op: Operation = {
      op: isThere ? 'replace' : 'add',
      path,
      value: toJsonCopy(value, place),
    };
    this.#writes.write(path, [op]);
    return true;
  }

  #plain(component: Component): Record<string, unknown> {
    if (this.#writes.document === null) return {};
    return Object.fromEntries(
      this.#names(component).map((name) => [name, this.#read(component, name)]),
    );
  }
}

function fieldPointer({ pointer }: Component, name: string): string {
  return `${pointer}/vars/${escapeSegment(name)}`;
}

/** What a name is, when it is not a field; `null` for a field, also one that is not there yet. */
function fixedAs({ kind }: Component, document: JsonObject, name: string): string | null {
  const child = childNamed(document, name);
  if (child !== null) return child.kind === 'structure' ? 'a Dict or a List' : `a ${child.kind}`;
  if (kind === 'structure') return 'a member';
  if (kind === 'work' && WORK_FACTS.includes(name)) return 'told by the app';
  return name.startsWith('_') ? 'private' : null;
}
