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
  type LogStream,
} from '@aws-sdk/client-cloudwatch-logs';
import { z } from 'zod';
import { background } from '../../errors/index.ts';
import type { FollowedLog, LogLine } from '../../ports/log-sink.ts';
import { HOST_LINE_HEAD, logStreamOf } from './contract.ts';
import type { StoredTask } from './launcher/stored-tasks.ts';
import { Repeats } from './log-repeats.ts';

/** How often listeners are served; `FilterLogEvents` may be called 5 times a second. */
const POLL_MS = 2_000;
/** How far back each look reaches: agents send what was printed within some seconds. */
const OVERLAP_MS = 15_000;
/** Streams that one `tail` reads at most: of each source the newest first. */
const MAX_STREAMS = 50;
/** `GetLogEvents` gives as many at most. */
const MAX_EVENTS = 10_000;
/** Events asked for at least: among those that were printed stand those that hosts wrote. */
const MIN_EVENTS = 200;
/** Pages of a stream that are read back at most. */
const MAX_PAGES = 20;
const FLOW = 'flow';

/** What a host wrote before it gave up. */
const failedSchema = z.object({
  stormkite: z.literal('failed'),
  error: z.object({
    code: z.string().optional(),
    message: z.string(),
    hint: z.string().optional(),
  }),
});

export interface CloudWatchLogsOptions {
  readonly client: CloudWatchLogsClient;
  readonly logGroup: string;
  /** Tasks of a work, or of all for `null`; of each the newest last. */
  readonly tasksOf: (work: string | null) => Promise<readonly StoredTask[]>;
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
    const read = (await this.#newest(source)).map((stream) => this.#lastLines(stream, lines));
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

  /** What is listened to reaches back a little: of the lines that the tail has, none is told again. */
  follow(source: string | null, lines: number, listener: (line: LogLine) => void): FollowedLog {
    /** What comes while the tail is read. */
    const early: LogLine[] = [];
    /** `null` while it is. */
    let repeats: Repeats | null = null;
    const unsubscribe = this.subscribe((line) => {
      if (repeats === null) early.push(line);
      else if (!repeats.take(line)) listener(line);
    });
    const windowMs = this.#from - OVERLAP_MS;
    let isOver = false;
    const read = async (): Promise<LogLine[]> => {
      const tail = await this.tail(source, lines);
      repeats = new Repeats(tail.filter(({ at }) => at >= windowMs));
      for (const line of early.splice(0)) if (!isOver && !repeats.take(line)) listener(line);
      return tail;
    };
    const end = (): void => {
      isOver = true;
      unsubscribe();
    };
    return { tail: read(), end };
  }

  close(): void {
    this.#listeners.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Streams that a tail begins with. */
  async #newest(source: string | null): Promise<string[]> {
    const flow = source === null || source === FLOW ? await this.#flowStreams() : [];
    const works = source === FLOW ? [] : await this.#learn(source);
    const bySource = [flow, ...works].map((streams) => streams.toReversed());
    const longest = Math.max(0, ...bySource.map((streams) => streams.length));
    const ranked = Array.from({ length: longest }, (_, rank) =>
      bySource.flatMap((streams) => streams[rank] ?? []),
    );
    return ranked.flat().slice(0, MAX_STREAMS);
  }

  /** Which stream is whose, of a work or of all of them; gives the streams of each, the newest last. */
  async #learn(work: string | null): Promise<string[][]> {
    const byWork = new Map<string, string[]>();
    for (const { work: owner, arn } of await this.#options.tasksOf(work)) {
      const stream = logStreamOf('work', arn);
      this.#sources.set(stream, owner);
      byWork.set(owner, [...(byWork.get(owner) ?? []), stream]);
    }
    return [...byWork.values()];
  }

  /** Those of all flows that there were, the newest last. When a stream got its last event CloudWatch knows an hour later. */
  async #flowStreams(): Promise<string[]> {
    const { client, logGroup: logGroupName } = this.#options;
    const logStreamNamePrefix = `${FLOW}/`;
    const found: LogStream[] = [];
    let nextToken: string | undefined;
    do {
      const input = { logGroupName, logStreamNamePrefix, nextToken };
      const page = await client.send(new DescribeLogStreamsCommand(input));
      found.push(...(page.logStreams ?? []));
      ({ nextToken } = page);
    } while (nextToken !== undefined);
    return found
      .toSorted((a, b) => (a.creationTime ?? 0) - (b.creationTime ?? 0))
      .flatMap(({ logStreamName }) => logStreamName ?? []);
  }

  async #lastLines(stream: string, lines: number): Promise<LogLine[]> {
    const { client, logGroup: logGroupName } = this.#options;
    const limit = Math.min(Math.max(lines, MIN_EVENTS), MAX_EVENTS);
    const source = this.#sourceOf(stream);
    let found: LogLine[] = [];
    let nextToken: string | undefined;
    try {
      for (let page = 0; page < MAX_PAGES && found.length < lines; page += 1) {
        const input = { logGroupName, logStreamName: stream, limit, nextToken };
        const { events = [], nextBackwardToken } = await client.send(
          new GetLogEventsCommand(input),
        );
        const told = events.flatMap(({ timestamp = 0, message = '' }) =>
          toLines(source, timestamp, message),
        );
        found = [...told, ...found];
        // The beginning of a stream answers with the token that it was asked with.
        if (nextBackwardToken === undefined || nextBackwardToken === nextToken) break;
        nextToken = nextBackwardToken;
      }
    } catch (error) {
      // A task that printed nothing has no stream.
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return [];
      throw error;
    }
    return found.slice(-lines);
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
        await this.#learn(null);
      this.#told.set(eventId, timestamp);
      this.#from = Math.max(this.#from, timestamp);
      for (const line of toLines(this.#sourceOf(logStreamName), timestamp, message))
        for (const listener of this.#listeners) listener(line);
    }
  }

  /** A stream whose work is deleted is told by its own name. */
  #sourceOf(stream: string): string {
    return stream.startsWith(`${FLOW}/`) ? FLOW : (this.#sources.get(stream) ?? stream);
  }
}

/** What was printed. What hosts say of themselves is for queries over the log group, but for the last word of one that failed. */
function toLines(source: string, at: number, message: string): LogLine[] {
  const text = message.replace(/\r?\n$/, '');
  const told = text.startsWith(HOST_LINE_HEAD) ? failureIn(text) : [text];
  return told.map((line) => ({ source, stream: 'stdout', at, line }));
}

function failureIn(text: string): string[] {
  try {
    const { code, message, hint } = failedSchema.parse(JSON.parse(text)).error;
    const first = `✘ ${code === undefined ? '' : `${code}  `}${message}`;
    return [...first.split('\n'), ...(hint === undefined ? [] : [`  hint  ${hint}`])];
  } catch {
    return [];
  }
}
