/**
 * What the flow and the works of an app print, from their log group.
 *
 * G1 Nothing is asked for while nobody listens or reads (R10).
 * G2 The agent may deliver lines late and out of order: a listener's window overlaps, and each event is told once by its id.
 */
import {
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  type CloudWatchLogsClient,
  type FilteredLogEvent,
} from '@aws-sdk/client-cloudwatch-logs';
import { background } from '../../errors/index.ts';
import type { LogLine } from '../../ports/log-sink.ts';
import { HOST_LINE_HEAD, logStreamOf } from './contract.ts';

/** How often listeners are served; `FilterLogEvents` may be called 5 times a second. */
const POLL_MS = 2_000;
/** How far back each look reaches: agents send what was printed within some seconds. */
const OVERLAP_MS = 15_000;
/** Streams that one `tail` reads at most, the newest ones. */
const MAX_STREAMS = 20;
/** `GetLogEvents` gives as many at most. */
const MAX_EVENTS = 10_000;
const FLOW = 'flow';

export interface CloudWatchLogsOptions {
  readonly client: CloudWatchLogsClient;
  readonly logGroup: string;
  /** ARNs of the tasks of a work, the newest last. */
  readonly tasksOf: (work: string) => Promise<readonly string[]>;
  /** Full names of all works. */
  readonly works: () => readonly string[];
  /** @default 2 s */
  readonly pollMs?: number;
}

/** The server's source of log lines on AWS. The agent joins both output streams: all lines are told as `stdout`. */
export class CloudWatchLogs {
  readonly #options: CloudWatchLogsOptions;
  readonly #listeners = new Set<(line: LogLine) => void>();
  /** Work by log stream, as far as they were met. */
  readonly #sources = new Map<string, string>();
  #timer: NodeJS.Timeout | null = null;
  #from = 0;
  /** Ids of events in the window, so that an overlap tells nothing twice. */
  #told = new Map<string, number>();

  constructor(options: CloudWatchLogsOptions) {
    this.#options = options;
  }

  has(source: string): boolean {
    return source === FLOW || this.#options.works().includes(source);
  }

  async tail(source: string | null, lines: number): Promise<LogLine[]> {
    if (lines === 0) return [];
    const sources = source === null ? [FLOW, ...this.#options.works()] : [source];
    const streams = (await Promise.all(sources.map((each) => this.#streamsOf(each)))).flat();
    const newest = streams.slice(-MAX_STREAMS);
    const read = newest.map(async (stream) => await this.#lastLines(stream, lines));
    return (await Promise.all(read))
      .flat()
      .toSorted((a, b) => a.at - b.at)
      .slice(-lines);
  }

  subscribe(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    if (this.#timer === null) {
      this.#from = Date.now();
      this.#arm();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0 || this.#timer === null) return;
      clearTimeout(this.#timer);
      this.#timer = null;
    };
  }

  close(): void {
    this.#listeners.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #streamsOf(source: string): Promise<string[]> {
    if (source === FLOW) return await this.#flowStreams();
    const streams = (await this.#options.tasksOf(source)).map((arn) => logStreamOf('work', arn));
    for (const stream of streams) this.#sources.set(stream, source);
    return streams;
  }

  async #flowStreams(): Promise<string[]> {
    const { client, logGroup } = this.#options;
    const command = new DescribeLogStreamsCommand({
      logGroupName: logGroup,
      logStreamNamePrefix: `${FLOW}/`,
    });
    const { logStreams = [] } = await client.send(command);
    return logStreams
      .toSorted((a, b) => (a.lastEventTimestamp ?? 0) - (b.lastEventTimestamp ?? 0))
      .flatMap(({ logStreamName }) => logStreamName ?? []);
  }

  async #lastLines(stream: string, lines: number): Promise<LogLine[]> {
    const { client, logGroup } = this.#options;
    const command = new GetLogEventsCommand({
      logGroupName: logGroup,
      logStreamName: stream,
      limit: Math.min(lines, MAX_EVENTS),
    });
    try {
      const { events = [] } = await client.send(command);
      const source = this.#sourceOf(stream);
      return events
        .filter(isUserLine)
        .map(({ timestamp = 0, message = '' }) => toLine(source, timestamp, message));
    } catch (error) {
      // A task that printed nothing has no stream.
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return [];
      throw error;
    }
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      background(
        this.#look().finally(() => {
          if (this.#timer !== null) this.#arm();
        }),
        'following logs',
      );
    }, this.#options.pollMs ?? POLL_MS);
  }

  async #look(): Promise<void> {
    const { client, logGroup } = this.#options;
    const startTime = this.#from - OVERLAP_MS;
    let nextToken: string | undefined;
    try {
      do {
        const command = new FilterLogEventsCommand({
          logGroupName: logGroup,
          startTime,
          nextToken,
        });
        const page = await client.send(command);
        await this.#tell(page.events ?? []);
        ({ nextToken } = page);
      } while (nextToken !== undefined && this.#listeners.size > 0);
    } catch {
      // Lines stay where they are; the next look asks for the same ones.
      return;
    }
    for (const [id, at] of this.#told) if (at < startTime) this.#told.delete(id);
  }

  async #tell(events: readonly FilteredLogEvent[]): Promise<void> {
    for (const { eventId = '', logStreamName = '', timestamp = 0, message = '' } of events) {
      if (this.#told.has(eventId)) continue;
      if (!logStreamName.startsWith(`${FLOW}/`) && !this.#sources.has(logStreamName))
        await Promise.all(this.#options.works().map((work) => this.#streamsOf(work)));
      this.#told.set(eventId, timestamp);
      this.#from = Math.max(this.#from, timestamp);
      if (!isUserLine({ message })) continue;
      const line = toLine(this.#sourceOf(logStreamName), timestamp, message);
      for (const listener of this.#listeners) listener(line);
    }
  }

  /** A stream whose work is deleted is told by its own name. */
  #sourceOf(stream: string): string {
    return stream.startsWith(`${FLOW}/`) ? FLOW : (this.#sources.get(stream) ?? stream);
  }
}

/** What hosts say of themselves is for queries over the log group. */
function isUserLine({ message = '' }: { readonly message?: string | undefined }): boolean {
  return !message.startsWith(HOST_LINE_HEAD);
}

function toLine(source: string, at: number, message: string): LogLine {
  return { source, stream: 'stdout', at, line: message.replace(/\r?\n$/, '') };
}
