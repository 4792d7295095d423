import { appError } from '../errors/index.ts';
import type { ClassRef } from '../protocol/work-spec.ts';
import type { App } from './app.ts';
import type { Component } from './component.ts';
import { metaOf } from './meta.ts';
import { withBelow } from './tree.ts';

/** A class of flows or works, as it is rebuilt: `new Class(props)`. */
export type ComponentClass = new (props?: unknown) => Component;

/** Finds classes again in another process, by export, list or place in the tree; never by name. */
export class ClassIndex {
  readonly #app: App;
  readonly #exports: Record<string, unknown>;
  readonly #open: boolean;
  readonly #refs = new Map<unknown, ClassRef>();
  /** Class by full name, as the constructors built the tree: what stands there may be replaced later. */
  readonly #built = new Map<string, unknown>();

  /**
   * Must be made before anything is attached at run time: it reads the tree that the constructors built.
   *
   * @param options.open - adds classes that nobody exports to `exports`, for tests that rebuild in one process. @default false
   */
  constructor(
    app: App,
    exports: Record<string, unknown>,
    options: { readonly open?: boolean } = {},
  ) {
    this.#app = app;
    this.#exports = exports;
    this.#open = options.open ?? false;
    for (const component of withBelow(app.flow)) {
      const { kind, name, dynamic } = metaOf(component);
      if (dynamic || (kind !== 'flow' && kind !== 'work')) continue;
      this.#built.set(name, component.constructor);
      this.#add(component.constructor, { by: 'tree', name });
    }
    app.options.works.forEach((each, index) => this.#add(each, { by: 'listed', index }));
    for (const [name, value] of Object.entries(exports)) this.#add(value, { by: 'export', name });
  }

  /** Where the class of a component is found again; `undefined` when nowhere. */
  refOf(component: Component): ClassRef | undefined {
    const { constructor } = component;
    if (this.#open && !this.#refs.has(constructor)) {
      const name = `${constructor.name}#${Object.keys(this.#exports).length}`;
      this.#exports[name] = constructor;
      this.#add(constructor, { by: 'export', name });
    }
    return this.#refs.get(constructor);
  }

  /** Where a class itself is found again; `undefined` when nowhere. */
  refOfClass(value: unknown): ClassRef | undefined {
    return this.#refs.get(value);
  }

  /**
   * The class that a reference means.
   *
   * @throws `WORK_CLASS_UNKNOWN` when this process has no such class
   */
  classOf(ref: ClassRef, subject: string): ComponentClass {
    const found = this.#find(ref);
    if (typeof found !== 'function') throw appError('WORK_CLASS_UNKNOWN', { work: subject });
    return found as ComponentClass;
  }

  #find(ref: ClassRef): unknown {
    if (ref.by === 'export') return this.#exports[ref.name];
    if (ref.by === 'listed') return this.#app.options.works[ref.index];
    return this.#built.get(ref.name);
  }

  /** Later, more stable ways of naming a class win. */
  #add(value: unknown, ref: ClassRef): void {
    if (typeof value === 'function') this.#refs.set(value, ref);
  }
}
