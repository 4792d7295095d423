/**
 * Structured lines of the hosts in containers: one JSON object per line, `stormkite` first, so that a query over the log
 * group finds them by app, work and call. What user code prints stays as it is, beside them.
 */
import type { WorkNote } from '../backends/aws/channel/dynamo-work-channel.ts';
import { HOST_LINE_HEAD } from '../backends/aws/contract.ts';
import { toWire, type WireError } from '../errors/index.ts';
import type { AppEvent, AppStage } from '../protocol/events.ts';
import type { AppResult } from '../loop/loop-options.ts';

/** With `1` the flow's container prints every event of the app, deltas too; the CLI sets it in emulation. */
export const EVENTS_VARIABLE = 'STORMKITE_EVENTS';

/** One structured line. */
export type TaskLogEntry =
  | { readonly stormkite: 'listening'; readonly app: string; readonly port: number }
  | { readonly stormkite: 'resting'; readonly app: string; readonly stage: AppStage }
  | { readonly stormkite: 'event'; readonly app: string; readonly event: AppEvent }
  | { readonly stormkite: 'warning'; readonly app: string; readonly message: string }
  /** What the backend does, for people who wait for it. */
  | { readonly stormkite: 'note'; readonly app: string; readonly message: string }
  | {
      readonly stormkite: 'ended';
      readonly app: string;
      readonly stage: AppResult['stage'];
      readonly message: string;
      readonly error?: WireError;
    }
  | { readonly stormkite: 'failed'; readonly app: string; readonly error: WireError }
  | {
      readonly stormkite: 'work';
      readonly app: string;
      readonly work: string;
      readonly epoch: number;
      readonly event: 'starting';
    }
  | ({
      readonly stormkite: 'work';
      readonly app: string;
      readonly work: string;
      readonly epoch: number;
    } & WorkNote);

export function writeTaskLog(entry: TaskLogEntry): void {
  process.stdout.write(formatTaskLog(entry));
}

/** The line of an entry, for a thread whose own standard output waits for the main thread. */
export function formatTaskLog(entry: TaskLogEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** How an app ended, as a line. */
export function endedEntry(app: string, { stage, message, error }: AppResult): TaskLogEntry {
  return {
    stormkite: 'ended',
    app,
    stage,
    message,
    ...(error === undefined ? {} : { error: toWire(error) }),
  };
}

/** Reads a line of a container; `null` when user code printed it. */
export function parseTaskLog(line: string): TaskLogEntry | null {
  if (!line.startsWith(HOST_LINE_HEAD)) return null;
  try {
    return JSON.parse(line) as TaskLogEntry;
  } catch {
    return null;
  }
}
