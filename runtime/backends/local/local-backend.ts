import type { DeltaChannel } from '../../ports/delta-channel.ts';
import type { Launcher } from '../../ports/launcher.ts';
import type { LogSink } from '../../ports/log-sink.ts';
import type { StoreLease } from '../../ports/state-store.ts';
import { detectLocalGpus } from '../../hardware/local-gpus.ts';
import { GpuPool } from './gpu-pool.ts';
import { LocalDeltaChannel } from './local-delta-channel.ts';
import { LocalLauncher } from './local-launcher.ts';
import { defaultLocalTimings, type LocalTimings } from './local-timings.ts';
import { ProcessRegister } from './process-register.ts';
import { SocketServer } from './socket-server.ts';

export interface LocalBackendOptions {
  /** Name of the app. */
  readonly app: string;
  /** The bundled app file that every process imports. */
  readonly bundlePath: string;
  /** Working directory of every process. */
  readonly projectRoot: string;
  /** Where deltas become durable before they are acknowledged. */
  readonly lease: Pick<StoreLease, 'appendDeltas'>;
  readonly logs: LogSink;
  /** The run's folder; holds `processes.json`. */
  readonly directory: string;
  /** @default - see {@link defaultLocalTimings} */
  readonly timings?: Partial<LocalTimings>;
  /** Indices of the GPUs that works may use. @default - what `nvidia-smi` tells when the first GPU work starts */
  readonly gpus?: readonly number[];
  /** What the processes inherit, but for what {@link withheld} names. */
  readonly environment: NodeJS.ProcessEnv;
  /** Variables that are some work's secret: only that work gets them. Works that are launched add theirs. @default - none */
  readonly withheld?: Iterable<string>;
}

/** Works as processes of this machine. */
export interface LocalBackend {
  readonly channel: DeltaChannel;
  readonly launcher: Launcher;
  /** Process id of a work's current process. */
  pidOf(work: string): number | null;
  /** Keeps one booted process ready for the next work, or ends it. */
  wantSpare(wanted: boolean): void;
  /** Ends every process and removes the socket and `processes.json`. Safe to call twice. */
  close(): Promise<void>;
}

/** Opens the local backend; processes that an earlier run in the same directory left behind are killed first. */
export async function createLocalBackend(options: LocalBackendOptions): Promise<LocalBackend> {
  const { bundlePath, projectRoot, lease, logs, environment, gpus } = options;
  const timings = { ...defaultLocalTimings, ...options.timings };
  const register = await ProcessRegister.open(options.directory);
  const server = await SocketServer.open();
  const channel: LocalDeltaChannel = new LocalDeltaChannel(lease, (work) =>
    launcher.processOf(work),
  );
  const launcher: LocalLauncher = new LocalLauncher({
    context: {
      bundlePath,
      projectRoot,
      server,
      timings,
      environment,
      withheld: new Set(options.withheld),
    },
    gpus: new GpuPool(async () => gpus ?? (await detectLocalGpus(environment))),
    register,
    logs,
    takeDeltas: (deltas, acknowledge) => channel.take(deltas, acknowledge),
  });
  const end = async (): Promise<void> => {
    await launcher.close();
    await channel.close();
    await server.close();
    await register.close();
  };
  let closing: Promise<void> | null = null;
  return {
    channel,
    launcher,
    pidOf: (work) => launcher.processOf(work)?.pid ?? null,
    wantSpare: (wanted) => launcher.wantSpare(wanted),
    close: () => (closing ??= end()),
  };
}
