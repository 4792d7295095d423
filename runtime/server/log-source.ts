import type { FollowedLog, LogLine } from '../ports/log-sink.ts';

/** Where the server reads what the flow and the works printed. */
export interface LogSource {
  /** Whether a source (`flow` or a work's full name) has printed something. */
  has(source: string): boolean;
  /** The last lines of one source; of all, in the order of their times, for `null`. */
  tail(source: string | null, lines: number): Promise<LogLine[]>;
  /** The same, and every later line of any source: none is missed in between, none is told twice. */
  follow(source: string | null, lines: number, listener: (line: LogLine) => void): FollowedLog;
  /** Hears every line from now on. */
  subscribe(listener: (line: LogLine) => void): () => void;
}
