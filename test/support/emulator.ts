/** An emulator for tests, reached through the real SDK clients by environment variables alone. */
import { test as base } from 'vitest';
import {
  createClients,
  destroyClients,
  type AwsClients,
} from '../../runtime/backends/aws/clients.ts';
import { openEmulator, type Emulator } from '../../runtime/backends/aws/emulator/emulator.ts';
import { defaultTimings } from '../../runtime/backends/aws/emulator/timings.ts';
import { SystemClock } from '../../runtime/host/system-clock.ts';

export const REGION = 'us-east-1';

/** Everything that AWS takes its time for, in a moment. */
export const quick = {
  ...defaultTimings,
  bootMs: 30,
  gpuBootMs: 50,
  shutDownMs: 30,
  hostLossMs: 30,
  spotNoticeMs: 60,
  provisionMs: 5,
  pullMs: 5,
  deprovisionMs: 5,
  visibleMs: 0,
  groupRetryMs: 30,
  serviceBackoffMs: 20,
  serviceMaxBackoffMs: 200,
} as const;

type Services = 'ecs' | 'ec2' | 'autoScaling' | 'logs' | 's3' | 'ssm' | 'secretsManager';

/** An emulator and its clients. */
export interface EmulatorRig {
  readonly emulator: Emulator;
  readonly clients: Pick<AwsClients, Services>;
  readonly lines: string[];
}

export type RigOptions = Omit<Partial<Parameters<typeof openEmulator>[0]>, 'clock'>;

/** Opens one and points this process's SDK at it; one at a time. */
export async function openRig(
  options: RigOptions = {},
): Promise<EmulatorRig & { close(): Promise<void> }> {
  const lines: string[] = [];
  const emulator = await openEmulator({
    clock: new SystemClock(),
    timings: quick,
    onLog: ({ line }) => lines.push(line),
    ...options,
  });
  const before = { ...process.env };
  Object.assign(process.env, emulator.environment);
  const clients = await createClients(REGION, [
    'ecs',
    'ec2',
    'autoScaling',
    'logs',
    's3',
    'ssm',
    'secretsManager',
  ]);
  const close = async (): Promise<void> => {
    destroyClients(clients);
    await emulator.close();
    for (const name of Object.keys(emulator.environment))
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
  };
  return { emulator, clients, lines, close };
}

/** A test with an emulator of its own. */
export const test = base.extend<{ options: RigOptions; rig: EmulatorRig }>({
  options: {},
  rig: async ({ options }, use) => {
    const rig = await openRig(options);
    await use(rig);
    await rig.close();
  },
});
