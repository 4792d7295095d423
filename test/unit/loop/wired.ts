/** A loop and its only work, whose launcher and wire a test plays. */
import { App, Flow } from 'stormkite';
import { ManualClock } from 'stormkite/testing';
import { MemoryStateStore } from '../../../runtime/backends/memory/memory-state-store.ts';
import { AsyncTurnScope } from '../../../runtime/host/async-turn-scope.ts';
import { FlowLoop } from '../../../runtime/loop/flow-loop.ts';
import type { DeltaChannel } from '../../../runtime/ports/delta-channel.ts';
import type { Launcher, WorkFact } from '../../../runtime/ports/launcher.ts';
import type { Delta, WorkEvent } from '../../../runtime/protocol/delta.ts';
import type { Downlink } from '../../../runtime/protocol/downlink.ts';
import type { WorkSpec } from '../../../runtime/protocol/work-spec.ts';
import { Step } from './step.ts';

/** A root that calls its work with `arg`, and with every number from 1 up to `upTo`. */
export function calling(step: Step, upTo = 1) {
  class Root extends Flow {
    readonly step = step;
    arg = 1;
    run(): void {
      for (let n = 1; n <= upTo; n += 1) this.step.run(n);
      this.step.run(this.arg);
    }
  }
  return new Root();
}

/** A loop whose wire is in the hands of the test: what works send, and in which order, is up to it. */
export async function wired(
  store = new MemoryStateStore(),
  facts: readonly WorkFact[] = [],
  root: Flow & { readonly step: Step; arg?: number } = calling(new Step()),
) {
  const clock = new ManualClock();
  const lease = await store.open('test');
  const { deltasAfter } = lease;
  let stored = Promise.resolve();
  lease.deltasAfter = async (...range) => {
    await stored;
    return await deltasAfter.apply(lease, range);
  };
  const app = new App(root, { idleTurn: null });
  const launches: WorkSpec[] = [];
  const sent: Downlink[] = [];
  let hear: (delta: Delta) => void = () => undefined;
  let tell: (fact: WorkFact) => void = () => undefined;
  const ended: { work: string; epoch: number }[] = [];
  const released: string[] = [];
  const kept: string[] = [];
  let stopped = Promise.resolve();
  let answer: 'sent' | 'absent' = 'sent';
  const channel: DeltaChannel = {
    subscribe: (handler) => {
      hear = handler;
      return () => undefined;
    },
    deliver: async (_work, message) => {
      sent.push(message);
      return answer;
    },
    close: async () => undefined,
  };
  const launcher: Launcher = {
    launch: async (spec) => {
      launches.push(spec);
      return { ok: true, ref: { work: spec.work, epoch: spec.epoch } };
    },
    stop: async (ref) => {
      ended.push({ work: ref.work, epoch: ref.epoch });
      await stopped;
      return { forced: false };
    },
    release: async (name) => void released.push(name),
    keep: async (name) => void kept.push(name),
    observe: async () => facts,
    subscribe: (handler) => {
      tell = handler;
      return () => undefined;
    },
    close: async () => undefined,
  };
  const loop = new FlowLoop(
    app,
    { lease, channel, launcher, clock, scope: new AsyncTurnScope() },
    { name: 'test', exports: {}, startWithFlow: () => false, remoteWorks: true },
  );
  await loop.open();
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < 3; quiet += 1) {
      while (clock.runNext()) quiet = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const pass = async (ms: number): Promise<void> => {
    for (let left: number | null = ms; left !== null; await settle())
      left = clock.runTimerWithin(left);
  };
  await settle();
  return {
    app,
    loop,
    lease,
    clock,
    launches,
    sent,
    ended,
    released,
    kept,
    settle,
    pass,
    /** Stops are not over until what it gives is called. */
    holdStops: () => {
      const [held, release] = hold();
      stopped = held;
      return release;
    },
    /** The store has no answer until what it gives is called. */
    holdStore: () => {
      const [held, release] = hold();
      stored = held;
      return release;
    },
    reach: (how: 'sent' | 'absent') => (answer = how),
    hear: (delta: Delta) => hear(delta),
    tell: (fact: WorkFact) => tell(fact),
  };
}

function hold(): [held: Promise<void>, release: () => void] {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  return [held, () => release()];
}

export type Wired = Awaited<ReturnType<typeof wired>>;

/** Name of its work. */
export const WORK = 'root.step';
export const set = (seq: number, counter: number, epoch = 1): Delta => ({
  work: WORK,
  epoch,
  seq,
  ops: [{ op: 'replace', path: '/vars/counter', value: counter }],
});
export const told = (seq: number, event: WorkEvent, epoch = 1): Delta => ({
  work: WORK,
  epoch,
  seq,
  ops: [],
  event,
});
/** Its first process, as a launcher sees it. */
export const running: WorkFact = { work: WORK, epoch: 1, pid: 7, state: 'running' };

/** Brings the process up to its call; the next delta has number 3. */
export async function begin(app: Wired): Promise<void> {
  app.tell(running);
  app.hear(told(1, { type: 'ready' }));
  await app.settle();
  app.hear(told(2, { type: 'running', ...callOf(app) }));
  await app.settle();
}

export interface Call {
  readonly call: string;
  readonly attempt: number;
}

/** The call that was sent. */
export function callOf({ sent }: Wired): Call {
  const message = sent.find(({ type }) => type === 'call');
  if (message?.type !== 'call') throw new Error('no call was sent');
  return { call: message.call, attempt: message.attempt };
}
