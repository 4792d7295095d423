/**
 * What the containers of an emulated app print, told as a local run tells it.
 *
 * T1 A structured line of a host is never shown as it is; a line of user code always is, with the name of its work.
 * T2 A flow that ended with an error that may pass is started again by its service, here as on AWS: that is no end of the app. One
 *    that comes back {@link MAX_RESTARTS} times without having run for {@link STEADY_MS} in between is.
 */
import type { TaskLine } from '../backends/aws/emulator/ecs/life-host.ts';
import { appError, fromWire, isAppError } from '../errors/index.ts';
import type { AppResult } from '../loop/flow-loop.ts';
import type { LogLine } from '../ports/log-sink.ts';
import type { AppEvent, AppStage } from '../protocol/events.ts';
import { parseTaskLog, type TaskLogEntry } from './task-log.ts';

/** What a container prints that cannot even fetch its artifact. */
const CANNOT_START = 'stormkite: this task cannot start';

const MAX_RESTARTS = 5;
const STEADY_MS = 60_000;

export interface EmulatedFlowHooks {
  readonly line: (line: LogLine) => void;
  readonly event: (event: AppEvent) => void;
  readonly warn: (message: string) => void;
  readonly note: (message: string) => void;
  readonly listening: (port: number) => void;
  /** The flow found an app that had ended or was paused, and runs nothing. */
  readonly resting: (stage: AppStage) => void;
  /** The app is over; not told of a flow that is started again. */
  readonly ended: (result: AppResult) => void;
}

export class EmulatedFlow {
  readonly #hooks: EmulatedFlowHooks;
  readonly #works = new Map<string, string>();
  /** Failures in a row, and when the latest one was told; epoch milliseconds. */
  #failures = 0;
  #failedAt = 0;

  constructor(hooks: EmulatedFlowHooks) {
    this.#hooks = hooks;
  }

  /** Takes a line of any container. */
  take({ taskArn, logStream, stream, line, at }: TaskLine): void {
    const entry = parseTaskLog(line);
    if (entry !== null) return this.#entry(entry, taskArn, at);
    const isFlow = logStream?.startsWith('flow/') === true;
    const source = isFlow ? 'flow' : (this.#works.get(taskArn) ?? taskArn);
    this.#hooks.line({ source, stream, at, line });
    if (isFlow && line.startsWith(CANNOT_START)) {
      const problem = line.slice(CANNOT_START.length + 2);
      const error = appError('HOST_EMULATION_FAILED', { problem });
      this.#hooks.ended({ stage: 'failed', message: '', error });
    }
  }

  #entry(entry: TaskLogEntry, taskArn: string, at: number): void {
    const { event, warn, note, listening, resting } = this.#hooks;
    switch (entry.stormkite) {
      case 'work':
        this.#works.set(taskArn, entry.work);
        return;
      case 'listening':
        return listening(entry.port);
      case 'resting':
        return resting(entry.stage);
      case 'event':
        return event(entry.event);
      case 'warning':
        return warn(entry.message);
      case 'note':
        return note(entry.message);
      case 'ended': {
        const { stage, message, error } = entry;
        const result = { stage, message };
        return this.#ended(
          error === undefined ? result : { ...result, error: fromWire(error) },
          at,
        );
      }
      case 'failed':
        return this.#ended({ stage: 'failed', message: '', error: fromWire(entry.error) }, at);
    }
  }

  /** T2 */
  #ended(result: AppResult, at: number): void {
    const { error } = result;
    this.#failures = at - this.#failedAt > STEADY_MS ? 1 : this.#failures + 1;
    this.#failedAt = at;
    if (!isAppError(error) || !error.retryable || this.#failures > MAX_RESTARTS)
      return this.#hooks.ended(result);
    this.#hooks.warn(`the flow is started again: ${error.code}: ${error.message}`);
  }
}
