import { appError } from '../errors/index.ts';
import type { CloudCompute } from '../hardware/cloud-compute.ts';
import { adoptRoot } from './adopt.ts';
import { parseBudget, type Budget } from './budget.ts';
import type { Component } from './component.ts';
import { parseDuration, type Duration } from './duration.ts';
import type { Flow } from './flow.ts';
import { isComponent, metaOf } from './meta.ts';
import { RootWork } from './root-work.ts';
import './structures.ts';
import { componentByName } from './tree.ts';
import { describe } from './untracked.ts';
import type { Work, WorkClass } from './work.ts';

/** Title and description shown by the UI. */
export interface AppInfo {
  readonly title?: string;
  readonly description?: string;
  readonly image?: string;
}

/** Options of an app. */
export interface AppOptions {
  /** Hardware of the flow itself on AWS. @default - the smallest Fargate task */
  readonly flowCloudCompute?: CloudCompute;
  /** @default 'info' */
  readonly logLevel?: 'info' | 'debug';
  /** @default - the app's name */
  readonly info?: AppInfo;
  /** Path prefix when the app is served behind a proxy. @default '' */
  readonly rootPath?: string;
  /** Classes of works that are neither exported nor constructed but attached at run time. @default - none */
  readonly works?: readonly WorkClass[];
  /** Hardware that works attached at run time may use. @default - every named class */
  readonly hardware?: readonly CloudCompute[];
  /** An otherwise idle app runs one turn this often; `null` never. @default '1 minute' */
  readonly idleTurn?: Duration | null;
  /** What all machines of the app may cost on AWS; nothing more is started once it is spent. @default - no limit */
  readonly budget?: Budget;
}

/** {@link AppOptions} after defaults. */
export interface ResolvedAppOptions extends Omit<AppOptions, 'idleTurn' | 'budget'> {
  readonly logLevel: 'info' | 'debug';
  readonly rootPath: string;
  readonly works: readonly WorkClass[];
  readonly idleTurnMs: number | null;
  readonly budget: Budget | null;
}

const BRAND: unique symbol = Symbol.for('stormkite.app') as never;
const DEFAULT_IDLE_TURN = '1 minute';

/**
 * A program: the tree below one root. The app file exports it as default.
 *
 * @example
 * ```ts
 * import { App, Flow } from 'stormkite';
 * class Root extends Flow {
 *   run() { this.stop('hello'); }
 * }
 * export default new App(new Root());
 * ```
 */
export class App<R extends Flow | Work<object> = Flow | Work<object>> {
  /** What the app was constructed with. */
  readonly root: R;
  /** The root flow: `root` itself, or the flow that runs a root work. */
  readonly flow: Flow;
  readonly options: ResolvedAppOptions;
  readonly [BRAND] = true;

  /**
   * @throws `APP_ROOT_INVALID`, `APP_ROOT_NO_RUN`, `APP_OPTION_INVALID`, and what the tree's fields refuse (`STATE_…`, `COMPONENT_…`)
   */
  constructor(root: R, options: AppOptions = {}) {
    this.root = root;
    this.options = resolveOptions(options);
    this.flow = toRootFlow(root);
    adoptRoot(this.flow);
  }

  /**
   * The component with a full name (`root`, `root.d.key`).
   *
   * @throws `COMPONENT_UNKNOWN`
   */
  getComponentByName(name: string): Component {
    return componentByName(this.flow, name);
  }
}

function toRootFlow(root: unknown): Flow {
  const kind = isComponent(root) ? metaOf(root).kind : null;
  if (kind === 'work') return new RootWork(root as Work<object>);
  if (kind !== 'flow') throw appError('APP_ROOT_INVALID', { got: describe(root) });
  if (typeof (root as { run?: unknown }).run !== 'function') {
    throw appError('APP_ROOT_NO_RUN', { component: metaOf(root as Flow).subject });
  }
  return root as Flow;
}

function resolveOptions(options: AppOptions): ResolvedAppOptions {
  const { logLevel = 'info', idleTurn = DEFAULT_IDLE_TURN } = options;
  if (logLevel !== 'info' && logLevel !== 'debug') {
    throw appError('APP_OPTION_INVALID', {
      option: 'logLevel',
      value: String(logLevel),
      allowed: "'info' or 'debug'",
    });
  }
  return {
    ...options,
    logLevel,
    rootPath: options.rootPath ?? '',
    works: options.works ?? [],
    idleTurnMs: idleTurn === null ? null : parseDuration(idleTurn, 'idleTurn'),
    budget: parseBudget(options.budget, 'budget'),
  };
}
