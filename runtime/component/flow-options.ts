import type { Frontend } from '../frontend/frontend.ts';
import type { Component } from './component.ts';
import type { Dict } from './dict.ts';
import type { List } from './list.ts';

/** Options of `flow.schedule`. */
export interface ScheduleOptions {
  /** Nothing fires before it. @default - now: the first evaluation is true */
  readonly startTime?: Date | string | number;
  /** Tells two schedules on one line apart. @default - the pattern plus the call site */
  readonly key?: string;
}

/** Options of `flow.iterate`. */
export interface IterateOptions {
  /** False starts again after the last item. @default true */
  readonly runOnce?: boolean;
  /** Tells two iterations on one line apart. @default - the call site */
  readonly key?: string;
}

/** One tab of a layout. */
export interface LayoutTab {
  readonly name: string;
  /**
   * A flow shows its own tabs, a work its own server (or what its `configureLayout` gives), a Dict or List its members.
   * A URL that is empty or begins with `/` is not known yet (`work.url + '/lab'`).
   */
  readonly content:
    | Component
    | Dict<Component>
    | List<Component>
    | Frontend
    | string
    | null
    | undefined;
}

/** What `configureLayout` may return: a frontend, a URL, tabs, or `null` for nothing. */
export type Layout = Frontend | string | null | LayoutTab | readonly LayoutTab[];

/** A schema that checks and types an input; every zod schema is one. */
export interface InputSchema<T = unknown> {
  parse(value: unknown): T;
}

/** What a route is asked, beside its body. */
export interface ApiRequest {
  /** What stands in the path at `:name`. */
  readonly params: Readonly<Record<string, string>>;
  /** Parameters of the query; the last one of a name that is given twice. */
  readonly query: Readonly<Record<string, string>>;
  /** Who asks: the name that the client gives itself, else its address. */
  readonly client: string;
}

/** One route of `configureApi`. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path below the app's root, such as `/predict/:model`. */
  readonly path: string;
  /**
   * Gets the body (for GET the query) and gives what is answered as JSON, or a promise of it. Runs between two turns, so it
   * may read and write the flow's state; what it does after its first `await` is like what a timer does. An error with a
   * `statusCode` from 400 to 499 refuses the request.
   */
  readonly handler: (body: never, request: ApiRequest) => unknown;
  /** Checks the body (for GET the query) before the handler sees it. @default - any JSON */
  readonly body?: InputSchema;
}

/** One command of `configureCommands`. */
export interface AppCommand {
  /** Lower-case letters, digits, `-` and `_`. */
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  /** As the handler of an {@link ApiRoute}. */
  readonly handler: (args: never) => unknown;
  /** Checks the arguments, an object. @default - any object */
  readonly args?: InputSchema;
}
