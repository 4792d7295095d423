/**
 * The type of an app's state as a client sees it, made from the type of its root.
 *
 * Fields keep their types; child flows and works become what is below them; a Dict, a List, and what becomes one, become
 * records by key or id. Methods, `#private` and `_underscore` names, and what Flow and Work themselves have, are left out.
 */
import type { Component } from '../component/component.ts';
import type { Dict } from '../component/dict.ts';
import type { Flow } from '../component/flow.ts';
import type { List } from '../component/list.ts';
import type { Work } from '../component/work.ts';
import type { WorkStatus } from '../protocol/events.ts';
import type { Json } from '../state/json.ts';

/** What every work has in the state besides its own fields. */
export interface WorkFacts {
  /** The latest status: of the call in flight, else of the latest call. */
  readonly status: WorkStatus;
  /** Where the work's own server answers; empty until it does. */
  readonly url: string;
}

type AnyFunction = (...args: never[]) => unknown;
type IsAny<T> = 0 extends 1 & T ? true : false;
type Expand<T> = { [K in keyof T]: T[K] };

/** Names that are state: not inherited from `Base`, not `_…`, not a method. */
type FieldName<C, K extends keyof C, Base> = K extends string
  ? K extends keyof Base | `_${string}`
    ? never
    : IsAny<C[K]> extends true
      ? K
      : [NonNullable<C[K]>] extends [AnyFunction]
        ? never
        : K
  : never;

/** Whether a field holds components rather than a value. */
type IsChild<V> =
  IsAny<V> extends true
    ? false
    : [V] extends [never]
      ? false
      : [V] extends [Component | Structure]
        ? true
        : false;

/** What is, or becomes, a Dict or a List. */
type Structure =
  | Dict<Component>
  | List<Component>
  | readonly Component[]
  | Readonly<Record<string, Component>>;

type ValueKey<C, K extends keyof C, Base> =
  IsChild<NonNullable<C[K]>> extends true ? never : FieldName<C, K, Base>;
type ChildKey<C, K extends keyof C, Base> =
  IsChild<NonNullable<C[K]>> extends true ? FieldName<C, K, Base> : never;

type FieldsOf<C, Base> = { [K in keyof C as ValueKey<C, K, Base>]: C[K] } & {
  readonly [K in keyof C as ChildKey<C, K, Base>]: ChildOf<C[K]>;
};

/** Members by key (Dict) or id (List). */
export interface MembersOf<C> {
  readonly [key: string]: ChildOf<C>;
}

/** A child, also where it may be absent. */
type ChildOf<V> =
  V extends Flow<object>
    ? FlowState<V>
    : V extends Work<object>
      ? WorkState<V>
      : V extends List<infer T>
        ? MembersOf<T>
        : V extends Dict<infer T>
          ? MembersOf<T>
          : V extends readonly (infer T)[]
            ? MembersOf<T>
            : V extends { readonly [key: string]: Component }
              ? { readonly [K in keyof V]: ChildOf<V[K]> }
              : V;

type FlowState<C> = Expand<FieldsOf<C, Flow>>;
type WorkState<C> = Expand<FieldsOf<C, Work> & WorkFacts>;

/** What `connect<typeof app>()` is given: an `App<Root>`. */
export interface AppLike {
  readonly root: unknown;
}

/**
 * The state of an app, typed by its root: `StateOf<typeof app>`; fields can be assigned.
 *
 * The state of an app whose root is a Work has that work under `work`.
 */
export type StateOf<A extends AppLike> =
  IsAny<A['root']> extends true
    ? Untyped
    : A['root'] extends Work<object>
      ? { readonly work: WorkState<A['root']> }
      : [Flow<object> | Work<object>] extends [A['root']]
        ? Untyped
        : A['root'] extends Flow<object>
          ? FlowState<A['root']>
          : Untyped;

/** The state of an app whose type is not known. */
// oxlint-disable-next-line typescript/no-explicit-any -- what is below is whatever the app has; `unknown` could not be read
export type Untyped = Record<string, any>;

/** A value that cannot be changed at any depth. */
export type DeepReadonly<T> =
  IsAny<T> extends true
    ? T
    : [Json] extends [T]
      ? ReadonlyJson
      : T extends object
        ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
        : T;

/** Any JSON value, read-only at every depth. */
export type ReadonlyJson =
  | null
  | boolean
  | number
  | string
  | readonly ReadonlyJson[]
  | { readonly [key: string]: ReadonlyJson };

/** One state of an app, complete and unchanging. */
export type SnapshotOf<A extends AppLike> = DeepReadonly<StateOf<A>>;
