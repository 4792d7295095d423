/**
 * Reading log files: the last lines, from the end.
 *
 * T1 Sources are read backwards side by side, the latest line of all first, until there are enough: what is read follows
 *    what was asked for, not how much was printed.
 * T2 Memory holds the lines that are given and one chunk per source; lines have {@link MAX_TAIL_CHARS} together, however
 *    many were asked for.
 */
import { close, read } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { LogLine } from '../ports/log-sink.ts';

const readDescriptor = promisify(read);
const closeDescriptor = promisify(close);

/** Characters of all lines of a tail together; it begins later when they have more. */
const MAX_TAIL_CHARS = 16 * 1024 * 1024;
/** Bytes that are read at a time from one source, and from all of them together where they are many. */
const MAX_CHUNK_BYTES = 64 * 1024;
const MIN_CHUNK_BYTES = 4 * 1024;
const ALL_CHUNKS_BYTES = 8 * 1024 * 1024;
/** Lines after which the flow gets its turn. */
const LINES_AT_ONCE = 500;
const LINE_END = 0x0a;
const LINE = /^(\S+) (stdout|stderr) (.*)$/s;

/** Files of one source, held open at the size that they had; the oldest first. */
export interface OpenLog {
  readonly source: string;
  readonly parts: readonly { readonly descriptor: number; readonly size: number }[];
}

/** One line as it stands in a file: `ISO-time stream line`. */
export function formatLogLine({ at, stream, line }: LogLine): string {
  return `${new Date(at).toISOString()} ${stream} ${line}\n`;
}

/** Reads what {@link formatLogLine} wrote; `null` for anything else, such as the half of a line that a crash left. */
export function parseLogLine(source: string, text: string): LogLine | null {
  const [, time, stream, line] = LINE.exec(text) ?? [];
  const at = Date.parse(time ?? '');
  if (line === undefined || Number.isNaN(at)) return null;
  return { source, stream: stream === 'stderr' ? 'stderr' : 'stdout', at, line };
}

/** The last lines of several sources together, in the order of their times. Closes what it was given. */
export async function readTail(logs: readonly OpenLog[], lines: number): Promise<LogLine[]> {
  const chunkBytes = Math.min(
    MAX_CHUNK_BYTES,
    Math.max(MIN_CHUNK_BYTES, Math.floor(ALL_CHUNKS_BYTES / logs.length)),
  );
  try {
    const sources = logs.map((log) => new BackwardLog(log, chunkBytes));
    return lines === 0 ? [] : await mergeBackwards(sources, lines);
  } finally {
    await Promise.all(
      logs.flatMap(({ parts }) => parts.map(({ descriptor }) => closeDescriptor(descriptor))),
    );
  }
}

async function mergeBackwards(sources: BackwardLog[], lines: number): Promise<LogLine[]> {
  await Promise.all(sources.map((source) => source.advance()));
  const found: LogLine[] = [];
  const latest = new LatestFirst(sources);
  for (let chars = 0; found.length < lines;) {
    const source = latest.first;
    const line = source?.line ?? null;
    if (source === undefined || line === null) break;
    chars += line.line.length;
    if (chars > MAX_TAIL_CHARS && found.length > 0) break;
    found.push(line);
    await source.advance();
    latest.settle();
    if (found.length % LINES_AT_ONCE === 0) await nextTurn();
  }
  return found.toReversed();
}

/** A heap of sources by the time of the line at which each of them stands; of equal times, in the order given. */
class LatestFirst {
  readonly #heap: BackwardLog[];
  readonly #ranks: ReadonlyMap<BackwardLog, number>;

  constructor(sources: readonly BackwardLog[]) {
    this.#ranks = new Map(sources.map((source, rank) => [source, rank]));
    this.#heap = sources.toSorted((a, b) => (this.#isLater(a, b) ? -1 : 1));
  }

  get first(): BackwardLog | undefined {
    return this.#heap[0];
  }

  /** Puts the first one where it belongs after it went on. */
  settle(): void {
    const [moved] = this.#heap;
    if (moved === undefined) return;
    for (let at = 0; ;) {
      const [left, right] = [this.#heap[2 * at + 1], this.#heap[2 * at + 2]];
      const isRight = left !== undefined && right !== undefined && this.#isLater(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !this.#isLater(child, moved)) return;
      this.#heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
      this.#heap[at] = moved;
    }
  }

  #isLater(a: BackwardLog, b: BackwardLog): boolean {
    const [left, right] = [a.line?.at ?? -Infinity, b.line?.at ?? -Infinity];
    if (left !== right) return left > right;
    return (this.#ranks.get(a) ?? 0) > (this.#ranks.get(b) ?? 0);
  }
}

/** One source, line by line from its end to its beginning. */
class BackwardLog {
  readonly #source: string;
  readonly #parts: OpenLog['parts'][number][];
  readonly #chunkBytes: number;
  /** What was read of the newest part that is left, and not taken yet. */
  #buffer = Buffer.alloc(0);
  /** Where in that part it begins. */
  #start: number;
  #line: LogLine | null = null;

  constructor({ source, parts }: OpenLog, chunkBytes: number) {
    this.#source = source;
    this.#parts = [...parts];
    this.#chunkBytes = chunkBytes;
    this.#start = parts.at(-1)?.size ?? 0;
  }

  /** The line at which it stands; `null` before the first {@link advance} and at the end. */
  get line(): LogLine | null {
    return this.#line;
  }

  /** Goes on to the line before. */
  async advance(): Promise<void> {
    this.#line = null;
    while (this.#line === null) {
      const text = await this.#take();
      if (text === null) return;
      this.#line = parseLogLine(this.#source, text);
    }
  }

  /** The line before what was taken; `null` when there is none. */
  async #take(): Promise<string | null> {
    while (this.#buffer.length === 0 && this.#start === 0) {
      this.#parts.pop();
      const part = this.#parts.at(-1);
      if (part === undefined) return null;
      this.#start = part.size;
    }
    for (;;) {
      const { length } = this.#buffer;
      // Its own end is the last byte, the end of the one before it comes earlier.
      const before = length < 2 ? -1 : this.#buffer.lastIndexOf(LINE_END, length - 2);
      if (before >= 0 || (this.#start === 0 && length > 0)) {
        const end = this.#buffer[length - 1] === LINE_END ? length - 1 : length;
        const text = this.#buffer.toString('utf8', before + 1, end);
        this.#buffer = this.#buffer.subarray(0, before + 1);
        return text;
      }
      await this.#read();
    }
  }

  /** Reads what stands before the buffer: as much again as it has, so that a long line is not copied over and over. */
  async #read(): Promise<void> {
    const descriptor = this.#parts.at(-1)?.descriptor;
    if (descriptor === undefined) return;
    const length = Math.min(this.#start, Math.max(this.#chunkBytes, this.#buffer.length));
    const chunk = Buffer.alloc(length);
    await readDescriptor(descriptor, chunk, 0, length, this.#start - length);
    this.#start -= length;
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([chunk, this.#buffer]);
  }
}
