/** A loop over a tree of works that live in this process, with the real clock and the real store. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as LevelStore from '../runtime/backends/local/level-state-store.ts';
import type * as Memory from '../runtime/backends/memory/memory-backend.ts';
import type * as Scripted from '../runtime/backends/memory/scripted-work.ts';
import type * as TurnScopes from '../runtime/host/async-turn-scope.ts';
import type * as SystemClocks from '../runtime/host/system-clock.ts';
import type * as Stormkite from '../runtime/index.ts';
import type * as Loop from '../runtime/loop/flow-loop.ts';
import type { StoreLease } from '../runtime/ports/state-store.ts';
import type { TurnRecord } from '../runtime/protocol/turn-record.ts';
import { fromDist } from './built.ts';
import { nowMs } from './statistics.ts';

const ARGUMENT = 'the same argument every turn';

export interface MemoryApp {
  readonly loop: Loop.FlowLoop;
  /** From opening the loop until its first turn was over. */
  readonly openedMs: number;
  /** The last turn record that was committed. */
  readonly committed: { turn: TurnRecord | null };
  /** The first work changes one field; resolves when the turn in which the flow saw it is over. */
  turn(): Promise<void>;
  close(): Promise<void>;
}

/** @param calls - whether a turn calls the `run` of one work, or of all */
export async function openMemoryApp(size: number, calls: 'one' | 'all'): Promise<MemoryApp> {
  const { App, Dict, Flow, Work } = await fromDist<typeof Stormkite>('runtime/index');
  const { FlowLoop } = await fromDist<typeof Loop>('runtime/loop/flow-loop');
  const { LevelStateStore } = await fromDist<typeof LevelStore>(
    'runtime/backends/local/level-state-store',
  );
  const { MemoryBackend } = await fromDist<typeof Memory>('runtime/backends/memory/memory-backend');
  const { ScriptedWork } = await fromDist<typeof Scripted>('runtime/backends/memory/scripted-work');
  const { AsyncTurnScope } = await fromDist<typeof TurnScopes>('runtime/host/async-turn-scope');
  const { SystemClock } = await fromDist<typeof SystemClocks>('runtime/host/system-clock');
  let ran: (seen: number) => void = () => undefined;

  class Step extends Work {
    n = 0;
    loss = 0.5;
    note = 'nothing yet';
    run(text: string): void {
      this.note = text;
    }
  }
  class Root extends Flow {
    steps = new Dict(
      Object.fromEntries(
        Array.from({ length: size }, (_, i) => [`w${i}`, new Step({ parallel: true })]),
      ),
    );
    run() {
      if (calls === 'all') for (const [, step] of this.steps) step.run(ARGUMENT);
      else this.steps['w0']?.run(ARGUMENT);
      ran(this.steps['w0']?.n ?? 0);
    }
  }

  const lease = await new LevelStateStore(await mkdtemp(join(tmpdir(), 'store-'))).open('bench');
  const committed: MemoryApp['committed'] = { turn: null };
  const scripted = new Map<string, Scripted.ScriptedWork>();
  const { channel, launcher } = new MemoryBackend({
    lease,
    program: (process) => {
      const work = new ScriptedWork(process.spec.work, (each) => each.set({ note: ARGUMENT }));
      scripted.set(work.name, work);
      return work.programFor(process);
    },
  });
  const root = new Root();
  const app = new App(root);
  const loop = new FlowLoop(
    app,
    {
      lease: watched(lease, committed),
      channel,
      launcher,
      clock: new SystemClock(),
      scope: new AsyncTurnScope(),
    },
    { name: 'bench', exports: {} },
  );
  /** The next turn in which the flow sees this value. */
  const turnThatSees = (n: number): Promise<void> =>
    new Promise((resolve) => {
      ran = (seen) => {
        if (seen === n) resolve();
      };
    });
  const startMs = nowMs();
  const first = turnThatSees(0);
  await loop.open();
  await first;
  const openedMs = nowMs() - startMs;
  const called = calls === 'all' ? size : 1;
  while (!root.works.slice(0, called).every((work) => work.hasSucceeded)) await turnThatSees(0);
  let n = 0;
  return {
    loop,
    openedMs,
    committed,
    turn: () => {
      n += 1;
      const over = turnThatSees(n);
      scripted.get('root.steps.w0')?.set({ n });
      return over;
    },
    close: async () => {
      await loop.interrupt();
      await launcher.close();
      await lease.close();
    },
  };
}

/** The lease, with a look at what is committed. */
function watched(lease: StoreLease, committed: MemoryApp['committed']): StoreLease {
  return {
    fence: lease.fence,
    load: () => lease.load(),
    commit: (turn, snapshot) => {
      committed.turn = turn;
      return lease.commit(turn, snapshot);
    },
    appendDeltas: (deltas) => lease.appendDeltas(deltas),
    deltasAfter: (work, seq) => lease.deltasAfter(work, seq),
    clear: () => lease.clear(),
    close: () => lease.close(),
  };
}

/** Milliseconds of one whole turn: the delta made durable and applied, the flow run, the commits of the group. */
export async function turnMs({ turn }: MemoryApp, turns: number): Promise<number> {
  const startMs = nowMs();
  for (let i = 0; i < turns; i += 1) await turn();
  return (nowMs() - startMs) / turns;
}
