/** A flow that launches works on a scripted account. */
import type { Deployment } from '../../../../runtime/backends/aws/contract.ts';
import {
  EcsLauncher,
  type EcsLauncherOptions,
} from '../../../../runtime/backends/aws/launcher/ecs-launcher.ts';
import {
  defaultLauncherTimings,
  type LauncherTimings,
} from '../../../../runtime/backends/aws/launcher/timings.ts';
import { SystemClock } from '../../../../runtime/host/system-clock.ts';
import type { LogLine } from '../../../../runtime/ports/log-sink.ts';
import type { WorkFact } from '../../../../runtime/ports/launcher.ts';
import { until } from '../../../support/until.ts';
import { deploymentOf } from './deployment.ts';
import type { Guard, ScriptedAccount } from './scripted-account.ts';

export const quickTimings: LauncherTimings = {
  ...defaultLauncherTimings,
  pollMs: 1,
  reconcileMs: 5,
  quietMs: 200,
  missingMs: 40,
  capacityRetryMs: 2,
  capacityRetryMaxMs: 8,
  callRetryMs: 1,
  idleMachineMs: 15,
  stopAgainMs: 20,
  hostLostMs: 5,
};

export interface Flow {
  readonly launcher: EcsLauncher;
  readonly facts: WorkFact[];
  readonly lines: string[];
  /** Waits until a fact of a work was told. */
  told(work: string, state: WorkFact['state'], epoch?: number): Promise<WorkFact>;
  /** Reasons and messages that were told while a work was starting. */
  pending(work: string): string[];
}

export type FlowOptions = Partial<EcsLauncherOptions> & {
  readonly guard?: Guard;
  readonly deployment?: Deployment;
  readonly fence?: number;
  readonly quick?: Partial<LauncherTimings>;
};

/** A launcher to which nobody listens yet. */
export async function openLauncher(
  account: ScriptedAccount,
  { guard, fence = account.fence, quick, ...options }: FlowOptions = {},
): Promise<EcsLauncher> {
  return await EcsLauncher.open({
    deployment: deploymentOf(),
    clients: account.clients(guard),
    records: account.records(fence, guard),
    fence,
    clock: new SystemClock(),
    timings: { ...quickTimings, ...quick },
    logs: { write: () => undefined },
    ...options,
  });
}

export async function openFlow(account: ScriptedAccount, options: FlowOptions = {}): Promise<Flow> {
  const lines: string[] = [];
  const logs = { write: ({ line }: LogLine) => void lines.push(line) };
  const launcher = await openLauncher(account, { logs, ...options });
  const facts: WorkFact[] = [];
  launcher.subscribe((fact) => facts.push(fact));
  return {
    launcher,
    facts,
    lines,
    told: (work, state, epoch) =>
      until(`${work} is told to be ${state}`, () =>
        facts.find(
          (fact) =>
            fact.work === work &&
            fact.state === state &&
            (epoch === undefined || fact.epoch === epoch),
        ),
      ),
    pending: (work) =>
      facts.flatMap((fact) =>
        fact.work === work && fact.state === 'starting' && fact.pending
          ? [`${fact.pending.reason}: ${fact.pending.message}`]
          : [],
      ),
  };
}
