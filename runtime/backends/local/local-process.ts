/**
 * One child process, from its spawning to its exit; with a work, or waiting for one as a spare.
 *
 * L1 Its exit is told once, after everything that it sent and printed was taken (R6, R7).
 * L2 Whatever is left of its group is killed when it is gone.
 */
import { withoutSecrets } from './secrets.ts';
import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ExitReason, StopResult, WorkRef } from '../../ports/launcher.ts';
import type { Delta } from '../../protocol/delta.ts';
import type { ChildMessage, FlowMessage } from '../../protocol/messages.ts';
import { formatSocketBoot, WORK_BOOT_VARIABLE } from '../../protocol/work-env.ts';
import type { WorkSpec } from '../../protocol/work-spec.ts';
import { toExitReason, type ExitFacts } from './exit-reason.ts';
import { LineSplitter } from './line-splitter.ts';
import type { LocalTimings } from './local-timings.ts';
import { signalGroup } from './process-group.ts';
import type { Connection, ConnectionOwner, SocketServer } from './socket-server.ts';

/** Characters of stderr that are kept to tell why a process died. */
const TAIL_CHARS = 4_096;
/** Lines that a spare may print before it has a work; later ones are dropped. */
const MAX_EARLY_LINES = 1_000;

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const ENTRY = fileURLToPath(
  new URL(`../../host/work-main${FROM_SOURCE ? '.ts' : '.js'}`, import.meta.url),
);

/** What all processes of a backend have in common. */
export interface LocalProcessContext {
  readonly bundlePath: string;
  readonly projectRoot: string;
  readonly server: SocketServer;
  readonly timings: LocalTimings;
  readonly environment: NodeJS.ProcessEnv;
  /** Variables that no process inherits, because they are some work's secret. */
  readonly withheld: Set<string>;
}

type Stream = 'stdout' | 'stderr';

/** Who hears of one process. */
export interface LocalProcessEvents {
  line(ref: WorkRef, stream: Stream, line: string): void;
  deltas(deltas: readonly Delta[], acknowledge: (seq: number) => void): void;
  /** It does not need the processor for booting any more. */
  booted(): void;
  ready(): void;
  exited(reason: ExitReason, message: string): void;
}

export class LocalProcess implements ConnectionOwner {
  readonly #context: LocalProcessContext;
  readonly #events: LocalProcessEvents;
  readonly #slot: string;
  readonly #child: ChildProcess;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #disconnected = new Latch();
  readonly #gone = new Latch();
  #spec: WorkSpec | null = null;
  #connection: Connection | null = null;
  #opened = false;
  #early: (readonly [Stream, string])[] = [];
  #exited = false;
  #finished = false;
  #facts: Omit<ExitFacts, 'code' | 'signal'> = {
    stopAsked: false,
    forced: false,
    calling: false,
    stderrTail: '',
    failed: null,
    endedFor: null,
  };

  constructor(
    context: LocalProcessContext,
    extraEnv: Readonly<Record<string, string>>,
    events: LocalProcessEvents,
  ) {
    this.#context = context;
    this.#events = events;
    this.#slot = context.server.expect(this);
    try {
      this.#child = this.#spawn(extraEnv);
    } catch (error) {
      context.server.forget(this.#slot);
      throw error;
    }
    this.#watchOutput('stdout');
    this.#watchOutput('stderr');
    this.#child.once('error', (error) => {
      this.#note({ endedFor: `could not be started: ${error.message}` });
      this.#finish(null, null);
    });
    this.#child.once('exit', (code, signal) => this.#onExit(code, signal));
    this.#after(context.timings.startTimeoutMs, () => {
      if (this.#connection === null)
        this.kill(`did not connect within ${context.timings.startTimeoutMs} ms`);
    });
    this.#after(context.timings.bootTimeoutMs, () => events.booted());
  }

  /** `null` when it could not be spawned. */
  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  get ref(): WorkRef | null {
    return this.#spec;
  }

  /** Resolves when its exit was told. */
  get gone(): Promise<void> {
    return this.#gone.opened;
  }

  /** Gives it its work; what it printed so far becomes that work's output. */
  assign(spec: WorkSpec): void {
    this.#spec = spec;
    this.#connection?.send({ type: 'assign', spec });
    const early = this.#early;
    this.#early = [];
    for (const [stream, line] of early) this.#events.line(spec, stream, line);
  }

  /** False when it cannot hear. */
  send(message: FlowMessage): boolean {
    if (this.#connection === null || this.#spec === null || this.#exited) return false;
    if (message.type === 'stop') this.#note({ stopAsked: true });
    this.#connection.send(message);
    return true;
  }

  /** Asks, then SIGTERM, then SIGKILL. Resolves when it is gone. */
  async stop(graceMs: number): Promise<StopResult> {
    this.#note({ stopAsked: true });
    if (graceMs <= 0 || !this.#opened) {
      // Before `onStart` there is no user code that could end in order.
      this.#killGroup(graceMs <= 0);
    } else {
      this.send({ type: 'stop' });
      this.#after(graceMs * this.#context.timings.termShare, () => this.#child.kill('SIGTERM'));
      this.#after(graceMs, () => this.#killGroup(true));
    }
    await this.gone;
    return { forced: this.#facts.forced };
  }

  /** Kills it for a reason that becomes its exit message. */
  kill(why: string): void {
    this.#note({ endedFor: why });
    this.#killGroup(false);
  }

  connected(connection: Connection): void {
    this.#connection = connection;
    if (this.#spec !== null) connection.send({ type: 'assign', spec: this.#spec });
  }

  received(messages: readonly ChildMessage[]): void {
    const deltas: Delta[] = [];
    for (const message of messages) {
      if (message.type === 'delta') {
        deltas.push(message.delta);
        this.#look(message.delta);
      } else {
        this.#hear(message);
      }
    }
    if (deltas.length > 0) this.#events.deltas(deltas, (seq) => this.send({ type: 'ack', seq }));
  }

  broken(error: unknown): void {
    this.kill(
      `sent what cannot be understood: ${error instanceof Error ? error.message : String(error)}`,
    );
  }

  closed(): void {
    this.#connection = null;
    this.#disconnected.open();
  }

  #spawn(extraEnv: Readonly<Record<string, string>>): ChildProcess {
    const { server, bundlePath, projectRoot, timings, environment, withheld } = this.#context;
    const { orphanGraceMs } = timings;
    const boot = formatSocketBoot({
      kind: 'socket',
      socket: server.path,
      slot: this.#slot,
      bundlePath,
      projectRoot,
      orphanGraceMs,
    });
    return spawn(process.execPath, [...sourceLoader(), ENTRY], {
      cwd: projectRoot,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...withoutSecrets(environment, withheld), ...extraEnv, [WORK_BOOT_VARIABLE]: boot },
    });
  }

  #watchOutput(stream: Stream): void {
    const splitter = new LineSplitter((line) => this.#line(stream, line));
    const pipe = this.#child[stream];
    pipe?.on('data', (chunk: Buffer) => splitter.push(chunk));
    pipe?.once('close', () => splitter.end());
    pipe?.on('error', () => undefined);
  }

  #line(stream: Stream, line: string): void {
    if (stream === 'stderr')
      this.#note({ stderrTail: `${this.#facts.stderrTail}\n${line}`.slice(-TAIL_CHARS) });
    if (this.#spec !== null) this.#events.line(this.#spec, stream, line);
    else if (this.#early.length < MAX_EARLY_LINES) this.#early.push([stream, line]);
  }

  #hear(message: Exclude<ChildMessage, { type: 'delta' }>): void {
    if (message.type === 'failed')
      this.#note({ failed: { reason: message.reason, message: message.message } });
    else if (message.type === 'loaded' && this.#spec === null) this.#events.booted();
    else if (message.type === 'opened') {
      this.#opened = true;
      this.#events.booted();
    }
  }

  #look({ event }: Delta): void {
    if (event === undefined) return;
    if (event.type === 'ready') this.#events.ready();
    else this.#note({ calling: event.type === 'running' });
  }

  #note(facts: Partial<ExitFacts>): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  #killGroup(forced: boolean): void {
    if (this.#exited || this.pid === null) return;
    if (forced) this.#note({ forced });
    signalGroup(this.pid, 'SIGKILL');
  }

  #after(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.pid !== null) signalGroup(this.pid, 'SIGKILL');
    this.#exited = true;
    const rest =
      this.#facts.stopAsked && this.#connection === null ? [] : [this.#disconnected.opened];
    const closed = new Promise<void>((resolve) => {
      this.#child.once('close', () => resolve());
    });
    const finish = (): void => this.#finish(code, signal);
    Promise.all([closed, ...rest]).then(finish, finish);
    this.#after(this.#context.timings.drainMs, finish);
  }

  #finish(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#exited = true;
    const { reason, message } = toExitReason({ ...this.#facts, code, signal });
    for (const timer of this.#timers) clearTimeout(timer);
    // A process that left the group may still hold the pipes.
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    this.#context.server.forget(this.#slot);
    this.#connection?.close();
    this.#events.exited(reason, message);
    this.#gone.open();
  }
}

/** Something that happens once and can be waited for. */
class Latch {
  readonly opened: Promise<void>;
  open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

/** Running from source, children need the same loader. */
function sourceLoader(): string[] {
  if (!FROM_SOURCE) return [];
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
}
