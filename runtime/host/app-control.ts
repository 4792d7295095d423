import type { AppControl } from '../loop/control.ts';
import type { FlowLoop } from '../loop/flow-loop.ts';
import type { LogLine } from '../ports/log-sink.ts';
import type { AppEvent } from '../protocol/events.ts';
import type { FlowOutputMode } from './flow-output.ts';
import type { LayoutBoard } from './layout-board.ts';
import type { LogSource } from '../server/log-source.ts';
import type { LogFiles } from './log-files.ts';

/** The loop as its clients see it: what is printed, and changes of the layout, are events too. */
export function withLogs(
  loop: FlowLoop,
  logs: Pick<LogSource, 'subscribe'>,
  layout: Pick<LayoutBoard, 'subscribe'>,
): AppControl {
  return {
    name: loop.name,
    get stage() {
      return loop.stage;
    },
    get version() {
      return loop.version;
    },
    document: () => loop.document(),
    patch: (ops, check, by) => loop.patch(ops, check, by),
    perform: (task, by) => loop.perform(task, by),
    works: () => loop.works(),
    command: (work, verb, by) => loop.command(work, verb, by),
    start: () => loop.start(),
    pause: () => loop.pause(),
    stop: (message) => loop.stop(message),
    commits: (handler) => loop.commits(handler),
    subscribe: (handler) => {
      const ends = [
        loop.subscribe(handler),
        logs.subscribe((line) => handler({ type: 'log', ...line })),
        layout.subscribe(() => handler({ type: 'layout', at: Date.now() })),
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
