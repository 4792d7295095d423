/**
 * The reporter thread of a work's process: it owns the line to the flow, so the user's code is never asked to yield (R9).
 *
 * T1 Everything that the main thread posts goes to the channel in its order; the channel numbers it (R1).
 * T2 When no flow will ever be heard of again the work is asked to stop, and after a grace the whole process group is killed
 *    from this thread, whatever the main thread does.
 * T3 A stop is told by message, and by poking the main thread until it knows.
 */
import { writeSync } from 'node:fs';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { WorkVoice } from '../backends/aws/channel/dynamo-work-channel.ts';
import type { WorkChannel, WorkChannelListener } from '../ports/work-channel.ts';
import { ACKED, DIRTY, LEAVE, openCells, ORPHANED, STOP, STOP_SEEN } from './reporter-cells.ts';
import { WRITTEN, type ReporterCells, type ReporterStart } from './reporter-cells.ts';
import type { ToMain, ToReporter } from './reporter-cells.ts';
import { Credit } from './reporter-credit.ts';
import { FlushWatch } from './reporter-flush.ts';
import { Poker } from './reporter-poke.ts';
import { UrlProbe } from './reporter-probe.ts';
import { killOwnGroup } from './process-group.ts';
import { SocketWorkChannel } from './socket-work-channel.ts';

/** Milliseconds until a main thread that was told to stop by message is poked, doubled up to the limit. */
const STOP_POKE_MS = 10;
const STOP_POKE_MAX_MS = 500;
/** File descriptors; a thread's own `process.stdout` and `process.stderr` wait for the main thread. */
const STDOUT = 1;
const STDERR = 2;
/** Milliseconds that the main thread has to leave by itself; then the group is killed. */
const LEAVE_GRACE_MS = 1_000;

class ReporterThread {
  readonly #port: MessagePort;
  readonly #shared: ReporterCells;
  readonly #credit = new Credit();
  readonly #poker: Poker;
  readonly #watch: FlushWatch;
  readonly #channel: WorkChannel;
  readonly #probe: UrlProbe;
  #posts = 0;

  constructor(
    port: MessagePort,
    buffer: SharedArrayBuffer,
    open: (listener: WorkChannelListener) => WorkChannel,
  ) {
    this.#port = port;
    this.#shared = openCells(buffer);
    const { cells, flushFlag } = this.#shared;
    this.#poker = new Poker(cells);
    this.#watch = new FlushWatch({
      dirty: () => Atomics.load(cells, DIRTY) !== 0,
      hasCredit: () => this.#credit.available,
      raiseFlag: () => Atomics.store(flushFlag, 0, 1),
      poke: () => this.#poker.poke(),
    });
    this.#channel = open({
      assigned: (spec) => this.#tell({ type: 'assign', spec }),
      acknowledged: (posts) => this.#acknowledged(posts),
      call: (message, applied) => this.#tell({ type: 'call', message, applied }),
      flowDelta: (ops) => this.#tell({ type: 'flowDelta', ops }),
      stop: (exitCode) => this.#askToStop(exitCode),
      written: (count) => {
        Atomics.store(cells, WRITTEN, count);
        Atomics.notify(cells, WRITTEN);
      },
      gone: (graceMs) => this.#gone(graceMs),
      leave: (code) => this.#leave(code),
    });
    this.#probe = new UrlProbe((url) => this.#tellUrl(url));
  }

  /** Takes what the main thread posts. */
  listen(): void {
    this.#port.on('message', (message: ToReporter) => this.#take(message));
  }

  #take(message: ToReporter): void {
    this.#posts += 1;
    if (typeof message === 'string') {
      this.#credit.spend(message.length);
      this.#channel.post(message);
      this.#watch.taken();
    } else if (message.type === 'say') this.#channel.say(message.message);
    else if (message.type === 'announce') this.#probe.announce(message.host, message.port);
    else this.#probe.calling(message.active);
    this.#channel.given(this.#posts);
  }

  #acknowledged(posts: number): void {
    Atomics.store(this.#shared.cells, ACKED, posts);
    this.#credit.acknowledge(posts);
    this.#watch.acknowledged();
  }

  #tellUrl(url: string): void {
    this.#channel.report([{ op: 'replace', path: '/vars/_url', value: url }]);
    this.#tell({ type: 'url', url });
  }

  #tell(message: ToMain): void {
    this.#port.postMessage(message);
  }

  #askToStop(exitCode: number): void {
    const { cells } = this.#shared;
    if (Atomics.compareExchange(cells, STOP, 0, exitCode + 1) !== 0) return;
    this.#tell({ type: 'stop' });
    this.#pokeUntilSeen(STOP_POKE_MS);
  }

  #pokeUntilSeen(waitMs: number): void {
    setTimeout(() => {
      if (Atomics.load(this.#shared.cells, STOP_SEEN) !== 0) return;
      this.#poker.poke();
      this.#pokeUntilSeen(Math.min(STOP_POKE_MAX_MS, waitMs * 2));
    }, waitMs);
  }

  #gone(graceMs: number): void {
    if (graceMs <= 0) return killOwnGroup();
    Atomics.store(this.#shared.cells, ORPHANED, 1);
    this.#askToStop(0);
    setTimeout(killOwnGroup, graceMs);
  }

  /** Also a main thread that never yields leaves, with its exit code, when it can be poked. */
  #leave(code: number): void {
    Atomics.store(this.#shared.cells, LEAVE, code + 1);
    this.#tell({ type: 'leave' });
    this.#poker.poke();
    setTimeout(killOwnGroup, LEAVE_GRACE_MS);
  }
}

/** Loads the AWS client only where it is needed. */
async function openerOf({
  boot,
  pid,
}: ReporterStart): Promise<(listener: WorkChannelListener) => WorkChannel> {
  if (boot.kind === 'socket') return (listener) => new SocketWorkChannel(boot, pid, listener);
  const [{ openDynamoWorkChannel }, { formatTaskLog }] = await Promise.all([
    import('../backends/aws/channel/open-work-channel.ts'),
    import('./task-log.ts'),
  ]);
  const { app, work, epoch } = boot.task;
  const voice: WorkVoice = {
    print: (line) => void writeSync(STDERR, `${line}\n`),
    note: (note) =>
      void writeSync(STDOUT, formatTaskLog({ stormkite: 'work', app, work, epoch, ...note })),
  };
  return (listener) => openDynamoWorkChannel(boot, listener, voice);
}

if (parentPort === null) throw new TypeError('reporter-main runs as a worker thread only');
const start = workerData as ReporterStart;
new ReporterThread(parentPort, start.buffer, await openerOf(start)).listen();
