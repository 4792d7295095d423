/**
 * The AWS backend of a flow: launcher and channel over one lease, each told what the other knows.
 *
 * B1 What a work wrote is handed on before its end is told (R6, R7): the launcher asks the channel before it tells an exit.
 * B2 The stream is followed while a work has a task, and no longer (R10).
 */
import { isAppError } from '../../errors/index.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeltaChannel } from '../../ports/delta-channel.ts';
import type { Launcher, WorkFact } from '../../ports/launcher.ts';
import type { LogSink } from '../../ports/log-sink.ts';
import { DynamoDeltaChannel } from './channel/dynamo-delta-channel.ts';
import type { ChannelTimings } from './channel/channel-timings.ts';
import type { DownlinkTarget } from './channel/downlink-writer.ts';
import type { AwsClients } from './clients.ts';
import type { Deployment } from './contract.ts';
import type { CostKeeper } from './cost/cost-keeper.ts';
import type { DynamoStoreLease } from './dynamo/dynamo-store-lease.ts';
import { pause } from './dynamo/waiting.ts';
import { EcsLauncher } from './launcher/ecs-launcher.ts';
import type { MachineRow } from './launcher/rows.ts';
import { defaultLauncherTimings, type LauncherTimings } from './launcher/timings.ts';

/** Clients that a flow needs beside those of its logs. */
export const FLOW_SERVICES = ['dynamodb', 'streams', 'ecs', 'ec2', 'autoScaling'] as const;

/** Between two warnings of the same request that keeps failing, in milliseconds. */
const WARN_AGAIN_MS = 60_000;

export interface AwsBackendOptions {
  readonly deployment: Deployment;
  readonly clients: Pick<AwsClients, (typeof FLOW_SERVICES)[number]>;
  readonly lease: DynamoStoreLease;
  readonly clock: Clock;
  readonly logs: LogSink;
  /** Partition of a work by its full name; `undefined` for one that the app does not have. */
  readonly keyOf: (work: string) => string | undefined;
  /** The last `seq` that the loop has of a work, in order. */
  readonly receivedOf: (work: string) => number;
  /** Counts what machines cost, and keeps budgets. @default - nobody does */
  readonly costs?: CostKeeper;
  readonly timings?: {
    readonly channel?: Partial<ChannelTimings> | undefined;
    readonly launcher?: Partial<LauncherTimings> | undefined;
  };
  /** Hears warnings for people. */
  readonly warn: (message: string) => void;
}

export interface AwsBackend {
  readonly channel: DeltaChannel;
  readonly launcher: Launcher;
  /** Machines that are paid for now. */
  readonly machines: () => readonly MachineRow[];
  /** Leaves tasks and machines as they are, for the next flow. */
  leave(): Promise<void>;
  /** Ends tasks and gives machines back: nothing of the app is paid for any more but its flow. */
  end(): Promise<void>;
}

/** Takes over what earlier flows of the app left running. */
export async function openAwsBackend(options: AwsBackendOptions): Promise<AwsBackend> {
  const { deployment, clients, lease, clock, logs, keyOf, receivedOf, warn, costs } = options;
  const targets = new Map<string, DownlinkTarget>();
  const channel = new DynamoDeltaChannel({
    app: deployment.app,
    dynamodb: clients.dynamodb,
    streams: clients.streams,
    tables: deployment.tables,
    fence: lease.fence,
    keyOf,
    receivedOf,
    targetOf: (work) => targets.get(work) ?? null,
    failing: seldom(clock, (error) => warn(`DynamoDB: ${describe(error)}; trying again`)),
    ...(options.timings?.channel ? { timings: options.timings.channel } : {}),
  });
  const note = (fact: WorkFact): void => {
    const known = targets.get(fact.work);
    if (fact.state === 'starting' || fact.state === 'running') {
      const key = keyOf(fact.work);
      if (key === undefined || (known && known.epoch > fact.epoch)) return;
      // Its key may have been another one before the tree was restored.
      if (known?.epoch === fact.epoch && known.key === key) return;
      targets.set(fact.work, { key, epoch: fact.epoch });
    } else if (known?.epoch === fact.epoch) targets.delete(fact.work);
    else return;
    channel.setLive(targets.keys());
  };
  const launcher = await EcsLauncher.open({
    deployment,
    clients,
    records: lease.items,
    fence: lease.fence,
    clock,
    timings: { ...defaultLauncherTimings, ...options.timings?.launcher },
    logs,
    keyOf,
    note,
    askToStop: async ({ work }) => {
      await channel.deliver(work, { type: 'stop' });
    },
    settle: async ({ work, epoch }) => {
      await channel.catchUp(work);
      return channel.noticeOf(work, epoch);
    },
    ...(costs ? { observer: costs, admit: (spec) => costs.refusalOf(spec) } : {}),
  });
  return {
    channel,
    launcher: {
      launch: async (spec) => {
        // What a deleted work of this name wrote must not be met by the new one.
        await lease.whenDropped(spec.work);
        return await launcher.launch(spec);
      },
      stop: (ref, graceMs) => launcher.stop(ref, graceMs),
      release: (work) => launcher.release(work),
      keep: (work) => launcher.keep(work),
      observe: async () => {
        const facts = await launcher.observe();
        for (const fact of facts) note(fact);
        // Whoever reads the table now misses nothing that is written later.
        await channel.ready();
        // That took a while: whoever listens has heard more of those that live.
        const ends = facts.filter(({ state }) => state !== 'starting' && state !== 'running');
        return [...ends, ...(await launcher.observe())];
      },
      subscribe: (handler) => launcher.subscribe(handler),
      close: () => launcher.close(),
    },
    machines: () => launcher.machines,
    leave: async () => {
      launcher.leave();
      await channel.close();
    },
    end: async () => {
      await launcher.close();
      await channel.close();
    },
  };
}

/**
 * Ends whatever an app that runs no more still has: its flow may have been ended before it had given everything back.
 * Costs a few requests where nothing is left. Tries again for as long as something is: nobody else would.
 *
 * @param until - nothing is tried again once this is aborted
 */
export async function endLeftovers(
  options: Pick<
    AwsBackendOptions,
    'deployment' | 'clients' | 'clock' | 'logs' | 'timings' | 'costs' | 'warn'
  > & { readonly lease: Pick<DynamoStoreLease, 'items' | 'fence'> },
  until: AbortSignal,
): Promise<void> {
  const { deployment, clients, lease, clock, logs, costs, warn } = options;
  const timings = { ...defaultLauncherTimings, ...options.timings?.launcher };
  while (!until.aborted) {
    try {
      const launcher = await EcsLauncher.open({
        deployment,
        clients,
        records: lease.items,
        fence: lease.fence,
        clock,
        timings,
        logs,
        ...(costs ? { observer: costs } : {}),
      });
      await launcher.close();
      if (launcher.hasNothing) return;
    } catch (error) {
      if (isAppError(error, 'STORE_CONFLICT')) throw error;
      warn(`what is left of the app cannot be ended: ${describe(error)}; trying again`);
    }
    await pause(clock, timings.reconcileMs, until);
  }
}

/** Calls at most once in a while for the same text. */
function seldom(clock: Clock, call: (error: unknown) => void): (error: unknown) => void {
  const last = new Map<string, number>();
  return (error) => {
    const text = describe(error);
    const now = clock.monotonic();
    if (now - (last.get(text) ?? Number.NEGATIVE_INFINITY) < WARN_AGAIN_MS) return;
    last.set(text, now);
    call(error);
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
