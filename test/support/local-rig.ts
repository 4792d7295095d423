/** A local backend over a fixture app, with everything it reports at hand. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { App } from '../../runtime/component/app.ts';
import { metaOf } from '../../runtime/component/meta.ts';
import { componentByName, withBelow } from '../../runtime/component/tree.ts';
import { bundleApp } from '../../runtime/host/bundle.ts';
import {
  createLocalBackend,
  type LocalBackend,
  type LocalBackendOptions,
} from '../../runtime/backends/local/local-backend.ts';
import type { WorkFact } from '../../runtime/ports/launcher.ts';
import type { LogLine } from '../../runtime/ports/log-sink.ts';
import type { CallOutcome, Delta, WorkEvent } from '../../runtime/protocol/delta.ts';
import type { CallMessage } from '../../runtime/protocol/downlink.ts';
import type { WorkSpec } from '../../runtime/protocol/work-spec.ts';
import type { Json } from '../../runtime/state/json.ts';
import { until } from './until.ts';
import { plainHardware } from './plain-hardware.ts';

export type EndEvent = Extract<WorkEvent, { type: 'end' }>;
export type ExitFact = Extract<WorkFact, { state: 'exited' }>;

const APP_FILE = fileURLToPath(new URL('../fixtures/works/app.ts', import.meta.url));

export class LocalRig {
  readonly backend: LocalBackend;
  readonly directory: string;
  readonly bundlePath: string;
  readonly deltas: Delta[] = [];
  readonly facts: WorkFact[] = [];
  readonly lines: LogLine[];
  readonly #app: App;

  private constructor(
    backend: LocalBackend,
    directory: string,
    bundlePath: string,
    lines: LogLine[],
    app: App,
  ) {
    this.backend = backend;
    this.directory = directory;
    this.bundlePath = bundlePath;
    this.lines = lines;
    this.#app = app;
    backend.channel.subscribe((delta) => this.deltas.push(delta));
    backend.launcher.subscribe((fact) => this.facts.push(fact));
  }

  static async open(options: Partial<LocalBackendOptions> = {}): Promise<LocalRig> {
    const directory = await mkdtemp(join(tmpdir(), 'rig-'));
    const { bundlePath, projectRoot } = await bundleApp({
      appFile: APP_FILE,
      outDirectory: directory,
    });
    const lines: LogLine[] = [];
    const backend = await createLocalBackend({
      app: 'test',
      bundlePath,
      projectRoot,
      lease: { appendDeltas: async () => undefined },
      logs: { write: (line) => void lines.push(line) },
      directory,
      environment: cleanEnvironment(),
      ...options,
    });
    const { default: app } = (await import('../fixtures/works/app.ts')) as { default: App };
    return new LocalRig(backend, directory, bundlePath, lines, app);
  }

  async close(): Promise<void> {
    await this.backend.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  spec(name: string, changes: Partial<WorkSpec> = {}): WorkSpec {
    const work = `root.${name}`;
    return {
      app: 'test',
      work,
      epoch: 1,
      seq: 0,
      vars: metaOf(componentByName(this.#app.flow, work)).fields?.snapshot() ?? {},
      definitions: [],
      tree: [...withBelow(this.#app.flow)].map((component) => metaOf(component).name),
      env: {},
      secrets: {},
      ...plainHardware,
      ...changes,
    };
  }

  /** Launches a work and waits until it is ready. */
  async up(name: string, changes: Partial<WorkSpec> = {}): Promise<WorkSpec> {
    const spec = this.spec(name, changes);
    const result = await this.backend.launcher.launch(spec);
    if (!result.ok) throw new Error(`${result.reason}: ${result.message}`);
    await until(`${spec.work} is ready`, () =>
      this.facts.some(
        (f) => f.work === spec.work && f.epoch === spec.epoch && f.state !== 'starting',
      ),
    );
    return spec;
  }

  /** Waits until there is one process more than works, and it has nothing more to do. */
  async spareLoaded(): Promise<void> {
    await until('a spare is up', async () => {
      const file = await readFile(join(this.directory, 'processes.json'), 'utf8').catch(() => '[]');
      const live = JSON.parse(file) as { pid: number }[];
      const works = new Set((await this.backend.launcher.observe()).map(({ pid }) => pid));
      const spare = live.find(({ pid }) => !works.has(pid));
      return spare !== undefined && isIdle(spare.pid);
    });
  }

  async call(name: string, args: Json[] = [], changes: Partial<CallMessage> = {}): Promise<void> {
    const message: CallMessage = {
      type: 'call',
      call: 'c1',
      attempt: 1,
      args,
      fold: [],
      mark: 0,
      ...changes,
    };
    const sent = await this.backend.channel.deliver(`root.${name}`, message);
    if (sent === 'absent') throw new Error(`root.${name} has no process`);
  }

  end(name: string, call = 'c1', deadlineMs?: number): Promise<EndEvent> {
    return until(
      `${call} of ${name} ends`,
      () => {
        const found = this.of(name).find(
          ({ event }) => event?.type === 'end' && event.call === call,
        );
        return found?.event as EndEvent | undefined;
      },
      deadlineMs,
    );
  }

  exit(name: string, epoch = 1): Promise<ExitFact> {
    return until(`root.${name} exits`, () =>
      this.facts.find(
        (f): f is ExitFact =>
          f.work === `root.${name}` && f.epoch === epoch && f.state === 'exited',
      ),
    );
  }

  of(name: string): Delta[] {
    return this.deltas.filter((delta) => delta.work === `root.${name}`);
  }

  /** Values that a field was reported to have, in order. */
  values(name: string, field: string): Json[] {
    const path = `/vars/${field}`;
    return this.of(name).flatMap(({ ops }) =>
      ops.flatMap((op) => (op.path === path && 'value' in op ? [op.value] : [])),
    );
  }

  value(name: string, field: string): Promise<Json> {
    return until(`${name}.${field} is reported`, () => this.values(name, field).at(-1));
  }

  outcome(name: string, call = 'c1'): Promise<CallOutcome> {
    return this.end(name, call).then(({ outcome }) => outcome);
  }
}

/** Without what the test runner put there. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG'].map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined));
}

/** Whether a process runs; one that ended and was not collected yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processor time of processes, in ticks, at the last look. */
const ticks = new Map<number, { ticks: number; at: number }>();

/** Whether a process has used no processor time for 200 ms. */
function isIdle(pid: number): boolean {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const now = { ticks: Number(fields[11]) + Number(fields[12]), at: performance.now() };
  const last = ticks.get(pid);
  if (last === undefined || last.ticks !== now.ticks) ticks.set(pid, now);
  return last !== undefined && last.ticks === now.ticks && now.ticks > 0 && now.at - last.at > 200;
}
