/**
 * A work in its own process: the app is built again there, everything but this work stays untouched.
 */
import { appError, isAppError } from '../errors/index.ts';
import type { WorkSpec } from '../protocol/work-spec.ts';
import type { Json } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import type { Fields } from '../state/tracked.ts';
import type { App } from './app.ts';
import type { WorkProcess } from './binding.ts';
import type { Component } from './component.ts';
import { ClassIndex } from './class-ref.ts';
import { toFieldPaths } from './flow-delta.ts';
import { metaOf } from './meta.ts';
import { attachDefinitions } from './rebuild.ts';
import { componentByName, isWork, withBelow } from './tree.ts';
import { Work } from './work.ts';
import { OPTIONS } from './work-symbols.ts';
import { userRunOf } from './work-run.ts';

/** What the process of a work may do with it. */
export interface WorkProcessHandle {
  /** The work's fields, Stormkite's own (`_url` …) among them. */
  readonly fields: Fields;
  /** Sets a field as an assignment would: it is recorded. */
  setVar(name: string, value: Json): void;
  /** The explicit `port` option. */
  readonly port: number | null;
  readonly host: string;
  readonly raiseException: boolean;
  /** The user's own run. */
  run(args: readonly Json[]): unknown;
  onStart(): unknown;
  onExit(): unknown;
  onException(error: unknown): unknown;
  /** Whether the class overrides `applyFlowDelta`. */
  readonly acceptsFlowDeltas: boolean;
  applyFlowDelta(ops: readonly Operation[]): void;
  /** Applies the flow's writes (`/vars/…`) without recording them. */
  fold(ops: readonly Operation[]): void;
}

/**
 * Builds the work's part of the app in this process and binds it.
 *
 * @throws `WORK_TREE_DIFFERS`, `WORK_UNKNOWN`, `WORK_CLASS_UNKNOWN`
 */
export function openWorkProcess(
  app: App,
  exports: Readonly<Record<string, unknown>>,
  spec: WorkSpec,
  process: WorkProcess,
): WorkProcessHandle {
  checkTree(app, spec);
  const work = findWork(app, exports, spec);
  const meta = metaOf(work);
  const { fields } = meta;
  if (!isWork(work) || !fields) throw appError('WORK_UNKNOWN', { name: spec.work });
  fields.load(spec.vars);
  meta.process = process;
  return {
    fields,
    setVar: (name, value) => fields.set(name, value),
    port: work[OPTIONS].port,
    host: work.host,
    raiseException: work.raiseException,
    run: (args) => userRunOf(work)(...args),
    onStart: () => work.onStart(),
    onExit: () => work.onExit(),
    onException: (error) => work.onException(error),
    acceptsFlowDeltas: acceptsFlowDeltas(work),
    applyFlowDelta: (ops) => work.applyFlowDelta(ops),
    fold: (ops) => void fields.apply(toFieldPaths(ops)),
  };
}

/** Whether a work's class overrides `applyFlowDelta` and so receives the flow's writes while it runs. */
export function acceptsFlowDeltas(work: Work<object>): boolean {
  return work.applyFlowDelta !== Work.prototype.applyFlowDelta;
}

function findWork(app: App, exports: Readonly<Record<string, unknown>>, spec: WorkSpec): Component {
  try {
    attachDefinitions(app.flow, spec.definitions, new ClassIndex(app, exports));
    return componentByName(app.flow, spec.work);
  } catch (error) {
    if (!isAppError(error, 'COMPONENT_UNKNOWN')) throw error;
    // A component that was attached at run time was built with other children here.
    throw appError(
      'WORK_TREE_DIFFERS',
      { work: spec.work, missing: spec.work, extra: '' },
      { cause: error },
    );
  }
}

function checkTree(app: App, spec: WorkSpec): void {
  const here = new Set<string>();
  for (const component of withBelow(app.flow)) here.add(metaOf(component).name);
  const there = new Set(spec.tree);
  const missing = spec.tree.filter((name) => !here.has(name));
  const extra = [...here].filter((name) => !there.has(name));
  if (missing.length === 0 && extra.length === 0) return;
  throw appError('WORK_TREE_DIFFERS', {
    work: spec.work,
    missing: missing.join(', '),
    extra: extra.join(', '),
  });
}
