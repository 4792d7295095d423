import type { Clock } from '../ports/clock.ts';
import type { DeltaChannel } from '../ports/delta-channel.ts';
import type { Launcher } from '../ports/launcher.ts';
import type { StoreLease } from '../ports/state-store.ts';
import type { TurnScope } from '../ports/turn-scope.ts';
import type { Timings } from './timings.ts';

/** What the loop needs from outside. */
export interface LoopPorts {
  readonly lease: StoreLease;
  readonly channel: DeltaChannel;
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly scope: TurnScope;
}

export interface TurnWatcher {
  begin(): void;
  end(): void;
}

export interface LoopOptions {
  /** Name of the app. */
  readonly name: string;
  /** Exports of the app file, for finding classes again. */
  readonly exports: Record<string, unknown>;
  /** Adds classes that nobody exports to `exports`; for tests, which rebuild in the same process. @default false */
  readonly openExports?: boolean;
  readonly timings?: Partial<Timings>;
  /** Whether works on this hardware, without an explicit `startWithFlow`, start with the app. @default - all do */
  readonly startWithFlow?: (hardware: string) => boolean;
  /** Milliseconds by hardware. @default - a work without calls keeps its process */
  readonly defaultIdleTimeoutMs?: (hardware: string) => number | null;
  /** Works run on other machines, which have addresses of their own. @default false */
  readonly remoteWorks?: boolean;
  /** Refuses works whose hardware was not declared, instead of warning. @default false */
  readonly refuseUndeclaredHardware?: boolean;
  /** Hears when a turn begins and when it is over. */
  readonly watch?: TurnWatcher;
  /** Hears warnings for people. */
  readonly warn?: (message: string) => void;
}

/** How an app ended. */
export interface AppResult {
  readonly stage: 'stopped' | 'failed' | 'interrupted';
  readonly message: string;
  /** What made it fail; absent after `flow.fail()`. */
  readonly error?: unknown;
}
