/**
 * What components ask of whoever runs them. The loop implements {@link FlowBinding}, the work's process {@link WorkProcess};
 * components know neither.
 */
import type { Component } from './component.ts';
import type { Flow } from './flow.ts';
import type { IterateOptions, ScheduleOptions } from './flow-options.ts';
import type { Work } from './work.ts';

/** The running app, as seen by its components on the flow's side. */
export interface FlowBinding {
  /** `work.run(...args)` from a flow; throws the suspension signal for a non-parallel work. */
  callWork(work: Work, args: readonly unknown[]): void;
  startWork(work: Work): void;
  stopWork(work: Work, keepHardware: boolean): void;
  deleteWork(work: Work): void;
  /** A component may join the tree now; throws when it cannot be rebuilt elsewhere. */
  beforeAttach(component: Component, name: string): void;
  attached(component: Component): void;
  /** A component and all below it left the tree. */
  removed(component: Component): void;
  /** The field of a flow that showed a deleted component shows it no longer. */
  cleared(flow: Component, field: string): void;
  /** First pending change of a component's fields. */
  dirty(component: Component): void;
  /** Before the first pending change of one field. */
  beforeChange(component: Component, field: string): void;
  schedule(flow: Flow, pattern: string, options: ScheduleOptions, site: string): boolean;
  iterate<T>(flow: Flow, items: Iterable<T>, options: IterateOptions, site: string): Iterable<T>;
  /** Ends the app; always throws. */
  end(how: 'stop' | 'fail', message: string): never;
  /** Takes what a flow's `run` returned, so that the turn awaits it. */
  runReturned(result: unknown): unknown;
}

/** The process of a work, as seen by that work. */
export interface WorkProcess {
  /** The signal of the current call, aborted when the work is asked to stop. */
  signal(): AbortSignal;
  /** Which attempt of the current call this is; starts at 1. */
  attempt(): number;
  /** The work's port; the first call announces it. */
  claimPort(): number;
}
