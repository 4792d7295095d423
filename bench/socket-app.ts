/**
 * A flow with the real sockets, channel, loop and store, fed over ten sockets by a process that is nothing but ten writers.
 *
 * Only what starts processes is replaced: the writers are launched together, so that they do not cost more than the flow.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as LevelStore from '../runtime/backends/local/level-state-store.ts';
import type * as Channel from '../runtime/backends/local/local-delta-channel.ts';
import type * as Sockets from '../runtime/backends/local/socket-server.ts';
import type * as TurnScopes from '../runtime/host/async-turn-scope.ts';
import type * as SystemClocks from '../runtime/host/system-clock.ts';
import type * as Stormkite from '../runtime/index.ts';
import type * as Loop from '../runtime/loop/flow-loop.ts';
import type { Launcher, WorkFact } from '../runtime/ports/launcher.ts';
import type { WorkSpec } from '../runtime/protocol/work-spec.ts';
import { fromDist } from './built.ts';

export const SOCKETS = 10;
/** As a work's reporter has at most. */
export const UNDER_WAY = 256;
const CLIENT = fileURLToPath(new URL('children/delta-client.ts', import.meta.url));

export interface SocketApp {
  /** Where the store is. */
  readonly directory: string;
  readonly turns: number;
  /** Resolves when every writer's last delta is applied and seen by `flow.run()`. */
  readonly allSeen: Promise<void>;
  close(): Promise<void>;
}

export function spawnWriters(
  path: string,
  slots: readonly string[],
  deltasEach: number,
): ChildProcess {
  const args = [
    '--import',
    import.meta.resolve('tsx'),
    CLIENT,
    path,
    slots.join(','),
    String(deltasEach),
    String(UNDER_WAY),
  ];
  return spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** @param onTurn - hears in every turn how many deltas the flow has seen */
export async function openSocketApp(
  deltasEach: number,
  onTurn: (seen: number) => void,
): Promise<SocketApp> {
  const { App, Dict, Flow, Work } = await fromDist<typeof Stormkite>('runtime/index');
  const { FlowLoop } = await fromDist<typeof Loop>('runtime/loop/flow-loop');
  const { LevelStateStore } = await fromDist<typeof LevelStore>(
    'runtime/backends/local/level-state-store',
  );
  const { LocalDeltaChannel } = await fromDist<typeof Channel>(
    'runtime/backends/local/local-delta-channel',
  );
  const { SocketServer } = await fromDist<typeof Sockets>('runtime/backends/local/socket-server');
  const { AsyncTurnScope } = await fromDist<typeof TurnScopes>('runtime/host/async-turn-scope');
  const { SystemClock } = await fromDist<typeof SystemClocks>('runtime/host/system-clock');
  let resolveAll: () => void = () => undefined;
  let rejectAll: (error: unknown) => void = () => undefined;
  const allSeen = new Promise<void>((resolve, reject) => {
    resolveAll = resolve;
    rejectAll = reject;
  });

  class Writer extends Work {
    n = 0;
    run(): void {
      this.n = 0;
    }
  }
  class Root extends Flow {
    writers = new Dict(
      Object.fromEntries(Array.from({ length: SOCKETS }, (_, i) => [`w${i}`, new Writer()])),
    );
    run() {
      let seen = 0;
      for (const [, writer] of this.writers) seen += writer.n;
      onTurn(seen);
      if (seen === SOCKETS * deltasEach) resolveAll();
    }
  }

  const directory = await mkdtemp(join(tmpdir(), 'store-'));
  const lease = await new LevelStateStore(directory).open('bench');
  const server = await SocketServer.open();
  const channel = new LocalDeltaChannel(lease, () => null);
  const launcher = new WritersLauncher(server, channel, deltasEach);
  const loop = new FlowLoop(
    new App(new Root()),
    { lease, channel, launcher, clock: new SystemClock(), scope: new AsyncTurnScope() },
    { name: 'bench', exports: {} },
  );
  loop.ended.then(({ error }) => rejectAll(error), rejectAll);
  await loop.open();
  return {
    directory,
    get turns() {
      return loop.turns;
    },
    allSeen,
    close: async () => {
      await loop.interrupt();
      await launcher.close();
      await server.close();
      await lease.close();
    },
  };
}

/** Starts one process for all works, when all are launched. */
class WritersLauncher implements Launcher {
  readonly #server: Sockets.SocketServer;
  readonly #channel: Channel.LocalDeltaChannel;
  readonly #deltasEach: number;
  readonly #slots = new Map<string, string>();
  readonly #handlers = new Set<(fact: WorkFact) => void>();
  #child: ChildProcess | null = null;

  constructor(
    server: Sockets.SocketServer,
    channel: Channel.LocalDeltaChannel,
    deltasEach: number,
  ) {
    this.#server = server;
    this.#channel = channel;
    this.#deltasEach = deltasEach;
  }

  launch(spec: WorkSpec): ReturnType<Launcher['launch']> {
    const ref = { work: spec.work, epoch: spec.epoch };
    let connection: Sockets.Connection | null = null;
    const slot = this.#server.expect({
      ref,
      connected: (to) => {
        connection = to;
        this.#tell({ ...ref, pid: null, state: 'running' });
        to.send({ type: 'assign', spec });
      },
      received: (messages) => {
        const deltas = messages.flatMap((message) =>
          message.type === 'delta' ? [message.delta] : [],
        );
        this.#channel.take(deltas, (seq) => connection?.send({ type: 'ack', seq }));
      },
      broken: (error) => void process.stderr.write(`${String(error)}\n`),
      closed: () => undefined,
    });
    this.#slots.set(spec.work, slot);
    this.#tell({ ...ref, pid: null, state: 'starting' });
    if (this.#slots.size === SOCKETS)
      this.#child = spawnWriters(this.#server.path, [...this.#slots.values()], this.#deltasEach);
    return Promise.resolve({ ok: true, ref });
  }

  stop(): ReturnType<Launcher['stop']> {
    return Promise.resolve({ forced: false });
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  observe(): ReturnType<Launcher['observe']> {
    return Promise.resolve([]);
  }

  subscribe(handler: (fact: WorkFact) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  async close(): Promise<void> {
    if (this.#child === null || this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill();
    await gone;
  }

  #tell(fact: WorkFact): void {
    for (const handler of this.#handlers) handler(fact);
  }
}
