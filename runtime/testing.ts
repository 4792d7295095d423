/**
 * Drives an app in memory, for unit tests: turn by turn, with a clock that stands still and works that a test plays.
 *
 * @module
 */
import { MemoryBackend } from './backends/memory/memory-backend.ts';
import { ManualClock } from './backends/memory/manual-clock.ts';
import { MemoryStateStore } from './backends/memory/memory-state-store.ts';
import { realWork } from './backends/memory/real-work.ts';
import { ScriptedWork, type WorkScript } from './backends/memory/scripted-work.ts';
import type { App } from './component/app.ts';
import type { Component } from './component/component.ts';
import { parseDuration, type Duration } from './component/duration.ts';
import type { Flow } from './component/flow.ts';
import { componentByName } from './component/tree.ts';
import type { Work } from './component/work.ts';
import { appError } from './errors/index.ts';
import type { PatchResult } from './loop/control.ts';
import { AsyncTurnScope } from './host/async-turn-scope.ts';
import { FlowLoop, type AppResult } from './loop/flow-loop.ts';
import { defaultTimings, type Timings } from './loop/timings.ts';
import type { LaunchResult } from './ports/launcher.ts';
import type { StoreLease } from './ports/state-store.ts';
import type { AppEvent } from './protocol/events.ts';
import type { WorkSpec } from './protocol/work-spec.ts';
import { cloneJson, type JsonObject } from './state/json.ts';
import type { Operation } from './state/operation.ts';

export { ManualClock } from './backends/memory/manual-clock.ts';
export { ScriptedWork, type WorkScript } from './backends/memory/scripted-work.ts';
export type { AppResult } from './loop/flow-loop.ts';

export interface TestOptions {
  /**
   * Who plays the works: scripts by full name (`root.train`), or `'run'` for their own code, run in this process.
   * @default - the test acts through `app.work(name)`
   */
  readonly works?: Readonly<Record<string, WorkScript>> | 'run';
  /** @default false - works start when they are first called, so that tests see only what the flow asks for */
  readonly startWithFlow?: boolean;
  readonly clock?: ManualClock;
  /** Exports of the app's module: given, dynamic works are checked as in a real run. @default - not checked */
  readonly exports?: Record<string, unknown>;
  readonly timings?: Partial<Timings>;
  /** Refuses launches, as a backend without capacity does. @default - none */
  readonly refuse?: (spec: WorkSpec) => Extract<LaunchResult, { ok: false }> | null;
}

/** More than an app that comes to rest ever needs. */
const MAX_ROUNDS = 1_000;
/** Event loop rounds in which nothing may happen before an app counts as at rest. */
const QUIET_ROUNDS = 3;

/** What outlives a flow that is killed. */
interface World {
  readonly store: MemoryStateStore;
  /** Classes met at run time, so that they are found again after a restart. */
  readonly classes: Record<string, unknown>;
  readonly works: Map<string, ScriptedWork>;
  readonly backend: MemoryBackend | null;
}

/** An app under test. */
export class TestApp<R extends Flow | Work<object> = Flow | Work<object>> {
  /** Everything that the app told, in order. */
  readonly events: AppEvent[] = [];
  readonly warnings: string[] = [];
  readonly clock: ManualClock;
  readonly #create: () => App<R>;
  readonly #options: TestOptions;
  readonly #world: World;
  #app: App<R>;
  #loop: FlowLoop | null = null;
  #backend: MemoryBackend | null = null;
  #result: AppResult | null = null;

  private constructor(create: () => App<R>, options: TestOptions, world: World) {
    this.#create = create;
    this.#options = options;
    this.#world = world;
    this.clock = options.clock ?? new ManualClock();
    this.#app = create();
  }

  /** Opens an app from the function that builds it; nothing has run yet. */
  static async open<R extends Flow | Work<object>>(
    create: () => App<R>,
    options: TestOptions = {},
    world: World = { store: new MemoryStateStore(), classes: {}, works: new Map(), backend: null },
  ): Promise<TestApp<R>> {
    const test = new TestApp(create, options, world);
    await test.#open();
    return test;
  }

  /** The root that the app was constructed with, as the flow sees it. */
  get root(): R {
    return this.#app.root;
  }

  /** The state document, as a plain copy. */
  get state(): JsonObject {
    return cloneJson(this.loop.document()) as JsonObject;
  }

  /** Turns that ran user code so far. */
  get turns(): number {
    return this.loop.turns;
  }

  /** How the app ended; `null` while it runs. */
  get result(): AppResult | null {
    return this.#result;
  }

  get loop(): FlowLoop {
    if (!this.#loop) throw new TypeError('the app was not opened');
    return this.#loop;
  }

  /** The part that the test plays for a work. */
  work(work: string | Component): ScriptedWork {
    const name = typeof work === 'string' ? work : (work as Work<object>).name;
    let scripted = this.#world.works.get(name);
    if (!scripted) {
      const { works } = this.#options;
      scripted = new ScriptedWork(name, typeof works === 'object' ? works[name] : undefined);
      this.#world.works.set(name, scripted);
    }
    return scripted;
  }

  /** A component of the running app by its full name. */
  component(name: string): Component {
    return componentByName(this.#app.flow, name);
  }

  /** Goes on until exactly one more turn has run; false when none is due at this time. */
  async turn(): Promise<boolean> {
    const before = this.turns;
    for (let quiet = 0; quiet < QUIET_ROUNDS; quiet += 1) {
      while (this.clock.runNext()) {
        quiet = 0;
        if (this.turns > before) return true;
      }
      await nextRound();
    }
    return this.turns > before;
  }

  /** Goes on until nothing more is due at this time. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let rounds = 0; quiet < QUIET_ROUNDS; rounds += 1) {
      if (rounds > MAX_ROUNDS) throw appError('TESTING_DID_NOT_SETTLE', { rounds: MAX_ROUNDS });
      quiet += 1;
      for (let steps = 0; steps < MAX_ROUNDS && this.clock.runNext(); steps += 1) quiet = 0;
      await nextRound();
    }
  }

  /** Goes on, in real time if it must, until a condition holds. For flows and works that wait for real things. */
  async until(condition: () => boolean): Promise<void> {
    for (let rounds = 0; !condition(); rounds += 1) {
      if (rounds > MAX_ROUNDS) throw appError('TESTING_DID_NOT_SETTLE', { rounds: MAX_ROUNDS });
      await this.settle();
    }
  }

  /** Lets time pass: everything that falls due happens in order. */
  async advance(duration: Duration): Promise<void> {
    await this.settle();
    let left: number | null = parseDuration(duration, 'duration');
    while (left !== null) {
      left = this.clock.runTimerWithin(left);
      await this.settle();
    }
  }

  /** Changes the state as a client of the UI would. */
  async patch(ops: readonly Operation[]): Promise<PatchResult> {
    const result = this.loop.patch(ops);
    await this.settle();
    return result;
  }

  /**
   * Kills the flow where it stands and opens the app again from what was committed, at the same time.
   *
   * @param options.keepWorks - the works' processes live on and are adopted, as on AWS. @default false
   */
  async restart(options: { readonly keepWorks?: boolean } = {}): Promise<TestApp<R>> {
    const { store, classes } = this.#world;
    const keep = options.keepWorks ?? false;
    this.loop.abandon();
    if (!keep) await this.#backend?.launcher.close();
    const world = keep
      ? { ...this.#world, backend: this.#backend }
      : { store, classes, works: new Map<string, ScriptedWork>(), backend: null };
    // What the killed flow had planned on its clock never happens.
    return TestApp.open(
      this.#create,
      { ...this.#options, clock: new ManualClock(this.clock.now()) },
      world,
    );
  }

  /** Ends the app and its works; those that do not end in time are killed. */
  async close(): Promise<void> {
    const ended = this.loop.interrupt();
    await this.settle();
    await this.advance(this.#options.timings?.stopGraceMs ?? defaultTimings.stopGraceMs);
    await ended;
    await this.#backend?.launcher.close();
  }

  async #open(): Promise<void> {
    const { store, classes } = this.#world;
    const lease = await store.open('test');
    const { timings } = this.#options;
    this.#backend = this.#world.backend ?? this.#createBackend(lease);
    this.#backend.adopt({ lease, clock: this.clock });
    const { channel, launcher } = this.#backend;
    const loop = new FlowLoop(
      this.#app,
      { lease, channel, launcher, clock: this.clock, scope: new AsyncTurnScope() },
      {
        name: 'test',
        exports: this.#options.exports ?? classes,
        openExports: this.#options.exports === undefined,
        startWithFlow: () => this.#options.startWithFlow ?? false,
        warn: (message) => this.warnings.push(message),
        ...(timings ? { timings } : {}),
      },
    );
    this.#loop = loop;
    loop.subscribe((event) => this.events.push(event));
    loop.ended.then(
      (result) => {
        this.#result = result;
      },
      (error: unknown) => {
        this.#result = { stage: 'failed', message: '', error };
      },
    );
    await loop.open();
  }

  #createBackend(lease: StoreLease): MemoryBackend {
    const { works, refuse } = this.#options;
    const exports = this.#options.exports ?? this.#world.classes;
    return new MemoryBackend({
      lease,
      clock: this.clock,
      ...(refuse ? { refuse } : {}),
      program: (process) =>
        works === 'run'
          ? realWork(process, this.#create, exports)
          : this.work(process.spec.work).programFor(process),
    });
  }
}

/**
 * Opens an app for a test.
 *
 * @param create - builds the app: called once here, once per {@link TestApp.restart}, and once per work with `works: 'run'`
 * @example
 * ```ts
 * import { App, Flow, Work } from 'stormkite';
 * import { testApp } from 'stormkite/testing';
 * class Step extends Work { run(n: number) { console.log(n); } }
 * class Root extends Flow {
 *   step = new Step();
 *   run() { this.step.run(1); if (this.step.hasSucceeded) this.stop(); }
 * }
 * const app = await testApp(() => new App(new Root()));
 * await app.settle();
 * app.work('root.step').succeed();
 * await app.settle();
 * console.log(app.result?.stage); // 'stopped'
 * ```
 */
export function testApp<R extends Flow | Work<object>>(
  create: () => App<R>,
  options: TestOptions = {},
): Promise<TestApp<R>> {
  return TestApp.open(create, options);
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
