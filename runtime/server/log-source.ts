import type { LogLine } from '../ports/log-sink.ts';

/** Where the server reads what the flow and the works printed. */
export interface LogSource {
  /** Whether a source (`flow` or a work's full name) has printed something. */
  has(source: string): boolean;
  /**
   * The last lines of one source; of all, in the order of their times, for `null`.
   * They end with the last line before this call, so that whoever subscribed right before it misses none.
   */
  tail(source: string | null, lines: number): Promise<LogLine[]>;
  /** Hears every line from now on. */
  subscribe(listener: (line: LogLine) => void): () => void;
}
