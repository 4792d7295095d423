import type { Cell } from './cell.ts';

/** Where an instance keeps its cells, in the order of its shape's names. */
const CELLS: unique symbol = Symbol('stormkite.cells');

interface Tracked {
  readonly [CELLS]?: Cell[];
}

/**
 * A class prototype with accessors for a list of field names, shared by all instances that have them.
 *
 * Accessors on a shared prototype cost about half of what accessors on each instance do, for they leave
 * the instance with one own property. Shapes form a tree: each is reached from its class by the names in order.
 */
export class Shape {
  static readonly #roots = new WeakMap<object, Shape>();

  readonly names: readonly string[];
  /** The cell of each name. */
  readonly index: ReadonlyMap<string, number>;
  readonly #classPrototype: object;
  readonly #next = new Map<string, Shape>();
  #prototype: object | undefined;

  private constructor(classPrototype: object, names: readonly string[]) {
    this.#classPrototype = classPrototype;
    this.names = names;
    this.index = new Map(names.map((name, position) => [name, position]));
  }

  /** The shape without fields of a class. */
  static of(classPrototype: object): Shape {
    let shape = Shape.#roots.get(classPrototype);
    if (shape === undefined) {
      shape = new Shape(classPrototype, []);
      Shape.#roots.set(classPrototype, shape);
    }
    return shape;
  }

  /** This shape and one more field. */
  with(name: string): Shape {
    let shape = this.#next.get(name);
    if (shape === undefined) {
      shape = new Shape(this.#classPrototype, [...this.names, name]);
      this.#next.set(name, shape);
    }
    return shape;
  }

  /** Gives an instance the accessors of this shape. */
  adopt(instance: object): void {
    if (this.#prototype === undefined) {
      this.#prototype = Object.create(this.#classPrototype) as object;
      for (const [position, name] of this.names.entries()) {
        if (!isHidden(name)) defineAccessor(this.#prototype, name, position);
      }
    }
    Object.setPrototypeOf(instance, this.#prototype);
  }
}

/** Whether a field has no accessor: `_` names belong to user code, so Stormkite's own are reached through `Fields` only. */
export function isHidden(name: string): boolean {
  return name.startsWith('_');
}

/** Gives an instance its cells; the list may grow afterwards. */
export function attachCells(instance: object, cells: Cell[]): void {
  Object.defineProperty(instance, CELLS, { value: cells });
}

function defineAccessor(prototype: object, name: string, position: number): void {
  Object.defineProperty(prototype, name, {
    enumerable: true,
    configurable: true,
    get(this: Tracked): unknown {
      // Undefined when the prototype itself is inspected, as debuggers and printers do.
      return this[CELLS]?.[position]?.read();
    },
    set(this: Tracked, value: unknown): void {
      const cell = this[CELLS]?.[position];
      if (cell === undefined) throw new TypeError(`${name} was set on a prototype`);
      if (cell.fast && typeof value === 'number' && value - value === 0) {
        cell.value = value === 0 ? 0 : value;
        if (cell.flag[0] !== 0) cell.owner.flushRequested();
      } else {
        cell.assign(value);
      }
    },
  });
}
