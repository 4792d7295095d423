import { appError } from '../errors/index.ts';
import type { Json, JsonObject } from '../state/json.ts';
import { cloneJson } from '../state/json.ts';
import { callSite } from './call-site.ts';
import { Component } from './component.ts';
import type {
  ApiRoute,
  AppCommand,
  IterateOptions,
  Layout,
  ScheduleOptions,
} from './flow-options.ts';
import { defaultLayoutOf } from './default-layout.ts';
import { metaOf } from './meta.ts';
import { toProps } from './props.ts';
import { flowsBelow, worksBelow } from './tree.ts';
import { describe, untrackedVars } from './untracked.ts';
import type { Work } from './work.ts';

/**
 * Orchestrates: `run` is executed again whenever something changed, so it must be idempotent.
 *
 * @example
 * ```ts
 * import { App, Flow, Work } from 'stormkite';
 * class Hello extends Work {
 *   run(name: string) { console.log(`hello ${name}`); }
 * }
 * class Root extends Flow {
 *   hello = new Hello();
 *   run() {
 *     this.hello.run('world');
 *     if (this.hello.hasSucceeded) this.stop('done');
 *   }
 * }
 * export default new App(new Root());
 * ```
 */
export abstract class Flow<P extends object = Record<never, never>> extends Component {
  /** The one object that the constructor passed to `super`; what a flow attached at run time is rebuilt from. Not state. */
  declare readonly props: Readonly<P>;

  /**
   * @throws `STATE_NOT_JSON` for props that JSON cannot hold
   */
  constructor(props?: P) {
    super('flow');
    metaOf(this).hasProps = props !== undefined;
    Object.defineProperty(this, 'props', { value: toProps(props ?? {}, this.constructor.name) });
    interceptRun(this);
  }

  /** One turn of this flow; synchronous or asynchronous. The app ignores what it returns, a parent flow may use it. */
  abstract run(...args: never[]): unknown;

  /** Full name, `root` while unattached. */
  get name(): string {
    return metaOf(this).name || 'root';
  }

  /** Whether the app is ready to be used; override to delay. @default - every flow below is ready */
  get ready(): boolean {
    return Object.values(this.flows).every((flow) => flow.ready);
  }

  /** All flows below by full name, depth first in declaration order. */
  get flows(): Record<string, Flow> {
    return Object.fromEntries(flowsBelow(this).map((flow) => [flow.name, flow]));
  }

  /** All works below, depth first in declaration order. */
  get works(): Work[] {
    return worksBelow(this);
  }

  /** All works below as pairs of full name and work, in the order of {@link works}. */
  get namedWorks(): [string, Work][] {
    return worksBelow(this).map((work) => [work.name, work]);
  }

  /** Ends the app: works are stopped, machines released, exit code 0. Prints `message`; never returns. */
  stop(message = ''): never {
    return this.#binding('stop()').end('stop', message);
  }

  /** Ends the app as failed: exit code 1. Prints `message` to standard error; never returns. */
  fail(message = ''): never {
    return this.#binding('fail()').end('fail', message);
  }

  /**
   * True the first time, and again at each time of the cron pattern until a turn ends unsuspended.
   *
   * @param cron - five fields, or six with seconds first; `hourly` and `@hourly` alike
   * @throws `FLOW_SCHEDULE_INVALID`
   */
  schedule(cron: string, options: ScheduleOptions = {}): boolean {
    // oxlint-disable-next-line typescript/unbound-method -- only told where to cut the stack
    const site = options.key ?? callSite(this.schedule);
    return this.#binding('schedule()').schedule(this, cron, options, site);
  }

  /**
   * Goes through items across turns: a turn that is suspended at one item continues with that item.
   *
   * @throws `FLOW_NOT_ITERABLE`
   */
  iterate<T>(items: Iterable<T>, options: IterateOptions = {}): Iterable<T> {
    // oxlint-disable-next-line typescript/unbound-method -- only told where to cut the stack
    const site = options.key ?? callSite(this.iterate);
    if (
      typeof (items as { [Symbol.iterator]?: unknown } | null)?.[Symbol.iterator] !== 'function'
    ) {
      throw appError('FLOW_NOT_ITERABLE', { got: describe(items) }, { at: this.name });
    }
    return this.#binding('iterate()').iterate(this, items, options, site);
  }

  /** Stops several works. */
  stopWorks(works: Iterable<Work>): void {
    for (const work of works) work.stop();
  }

  /**
   * What this flow shows to people; asked again after changes, so it may depend on state. It must not change any.
   *
   * @default - one tab per flow and work below it that has something to show
   */
  configureLayout(): Layout {
    return defaultLayoutOf(this);
  }

  /** HTTP routes of the app; read from the root flow. @default - none */
  configureApi(): readonly ApiRoute[] {
    return [];
  }

  /** Commands of the app; read from the root flow. @default - none */
  configureCommands(): readonly AppCommand[] {
    return [];
  }

  /** This flow's own `{ vars, calls }`, without its children, as a plain copy. */
  stateDict(): { vars: JsonObject; calls: JsonObject } {
    const { fields, calls } = metaOf(this);
    return {
      vars: fields?.snapshot() ?? untrackedVars(this),
      calls: cloneJson(calls) as JsonObject,
    };
  }

  /** Assigns what {@link stateDict} gave. An unknown field is refused as in an assignment. */
  loadStateDict(dict: { readonly vars: Readonly<Record<string, Json>> }): void {
    for (const [name, value] of Object.entries(dict.vars)) Reflect.set(this, name, value);
  }

  #binding(method: string) {
    const { binding } = metaOf(this);
    if (!binding)
      throw appError('FLOW_NOT_RUNNING', { method: `${this.constructor.name}.${method}` });
    return binding;
  }
}

/** Lets the running app see what `run` returned, whoever calls it. */
function interceptRun(flow: Flow): void {
  const original: unknown = Reflect.get(Object.getPrototypeOf(flow) as object, 'run');
  if (typeof original !== 'function') return;
  const run = (...args: unknown[]): unknown => {
    const result: unknown = Reflect.apply(original, flow, args);
    const { binding } = metaOf(flow);
    return binding ? binding.runReturned(result) : result;
  };
  Object.defineProperty(flow, 'run', { value: run, configurable: true, writable: true });
}
