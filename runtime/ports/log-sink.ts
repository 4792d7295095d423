/** Takes the lines that the flow and the works print. */
export interface LogSink {
  write(line: LogLine): void;
}

export interface LogLine {
  /** `flow` or a work's full name. */
  readonly source: string;
  readonly stream: 'stdout' | 'stderr';
  /** Epoch milliseconds. */
  readonly at: number;
  /** Without its line end. */
  readonly line: string;
}

/** A log that is read and listened to. */
export interface FollowedLog {
  readonly tail: Promise<LogLine[]>;
  /** Ends the listening. */
  readonly end: () => void;
}
