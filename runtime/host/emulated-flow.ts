/**
 * What the containers of an emulated app print, told as a local run tells it.
 *
 * T1 A structured line of a host is never shown as it is; a line of user code always is, with the name of its work.
 */
import type { TaskLine } from '../backends/aws/emulator/ecs/life-host.ts';
import { appError, fromWire } from '../errors/index.ts';
import type { AppResult } from '../loop/flow-loop.ts';
import type { LogLine } from '../ports/log-sink.ts';
import type { AppEvent, AppStage } from '../protocol/events.ts';
import { parseTaskLog, type TaskLogEntry } from './task-log.ts';

/** What a container prints that cannot even fetch its artifact. */
const CANNOT_START = 'stormkite: this task cannot start';

export interface EmulatedFlowHooks {
  readonly line: (line: LogLine) => void;
  readonly event: (event: AppEvent) => void;
  readonly warn: (message: string) => void;
  readonly note: (message: string) => void;
  readonly listening: (port: number) => void;
  /** The flow found an app that had ended or was paused, and runs nothing. */
  readonly resting: (stage: AppStage) => void;
  readonly ended: (result: AppResult) => void;
}

export class EmulatedFlow {
  readonly #hooks: EmulatedFlowHooks;
  readonly #works = new Map<string, string>();

  constructor(hooks: EmulatedFlowHooks) {
    this.#hooks = hooks;
  }

  /** Takes a line of any container. */
  take({ taskArn, logStream, stream, line, at }: TaskLine): void {
    const entry = parseTaskLog(line);
    if (entry !== null) return this.#entry(entry, taskArn);
    const isFlow = logStream?.startsWith('flow/') === true;
    const source = isFlow ? 'flow' : (this.#works.get(taskArn) ?? taskArn);
    this.#hooks.line({ source, stream, at, line });
    if (isFlow && line.startsWith(CANNOT_START)) {
      const problem = line.slice(CANNOT_START.length + 2);
      const error = appError('HOST_EMULATION_FAILED', { problem });
      this.#hooks.ended({ stage: 'failed', message: '', error });
    }
  }

  #entry(entry: TaskLogEntry, taskArn: string): void {
    const { event, warn, note, listening, resting, ended } = this.#hooks;
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
        return ended({
          stage,
          message,
          ...(error === undefined ? {} : { error: fromWire(error) }),
        });
      }
      case 'failed':
        return ended({ stage: 'failed', message: '', error: fromWire(entry.error) });
    }
  }
}
