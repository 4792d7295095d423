import type { AppControl } from '../loop/control.ts';
import type { FlowLoop } from '../loop/flow-loop.ts';
import type { LogLine } from '../ports/log-sink.ts';
import type { AppEvent } from '../protocol/events.ts';
import type { FlowOutputMode } from './flow-output.ts';
import type { LogFiles } from './log-files.ts';

/** The loop as its clients see it: what is printed are events too. */
export function withLogs(loop: FlowLoop, logs: LogFiles): AppControl {
  return {
    name: loop.name,
    get stage() {
      return loop.stage;
    },
    get version() {
      return loop.version;
    },
    document: () => loop.document(),
    patch: (ops, check) => loop.patch(ops, check),
    works: () => loop.works(),
    command: (work, verb) => loop.command(work, verb),
    stop: (message) => loop.stop(message),
    subscribe: (handler) => {
      const ends = [
        loop.subscribe(handler),
        logs.subscribe((line) => handler({ type: 'log', ...line })),
      ];
      return () => {
        for (const end of ends) end();
      };
    },
  };
}

export interface LineHearers {
  readonly flowOutput: FlowOutputMode;
  readonly onLog?: (line: LogLine) => void;
  readonly onEvent?: (event: AppEvent) => void;
}

/** Who hears of a line: the files always, the caller of what it does not see itself. */
export function tellerOf(logs: LogFiles, { flowOutput, onLog, onEvent }: LineHearers) {
  const tell = (line: LogLine): void => {
    onLog?.(line);
    onEvent?.({ type: 'log', ...line });
  };
  return {
    /** Code in this process printed. */
    printed: (stream: LogLine['stream'], line: string): void => {
      const entry = { source: 'flow', stream, at: Date.now(), line };
      logs.write(entry);
      if (flowOutput === 'capture') tell(entry);
    },
    /** A work printed, or the backend has something to say. */
    worked: (line: LogLine): void => {
      logs.write(line);
      tell(line);
    },
  };
}
