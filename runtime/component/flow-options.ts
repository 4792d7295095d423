import type { Frontend } from '../frontend/frontend.ts';
import type { Component } from './component.ts';

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
  readonly content: Component | Frontend | string;
}

/** What `configureLayout` may return: a frontend, a URL, tabs, or `null` for nothing. */
export type Layout = Frontend | string | null | readonly LayoutTab[];

/** A schema that checks and types an input; every zod schema is one. */
export interface InputSchema<T = unknown> {
  parse(value: unknown): T;
}

/** One route of `configureApi`. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path below the app's root, such as `/predict`. */
  readonly path: string;
  readonly handler: (body: never) => unknown;
  readonly body?: InputSchema;
}

/** One command of `configureCommands`. */
export interface AppCommand {
  readonly name: string;
  readonly description: string;
  readonly handler: (args: never) => unknown;
  readonly args?: InputSchema;
}
