/**
 * The lines of a run: in files, one per work, and live to those who listen.
 *
 * G1 Lines are written in the order in which they came; what `tail` reads ends where its live lines begin.
 * G2 A source keeps at most two files of `maxBytes`, so that an app that prints for ever fills no disk.
 * G3 A disk that fails loses lines, never the app; the failure is told once.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { FollowedLog, LogLine, LogSink } from '../ports/log-sink.ts';
import { formatLogLine, readTail, type OpenLog } from './log-reader.ts';

export type { LogLine } from '../ports/log-sink.ts';

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
/** Lines wait this long to be written together. */
const FLUSH_MS = 20;
/** Characters after which waiting lines are written at once. */
const FLUSH_CHARS = 64 * 1024;
/** File names may have 255 bytes; longer ones are cut and made unique by a hash. */
const MAX_NAME_CHARS = 200;
const HASH_DIGITS = 16;

export interface LogFilesOptions {
  /** Size at which a file is put aside as `<work>.log.1`. @default 64 MiB */
  readonly maxBytes?: number;
  /** Hears the first failure of the disk. */
  readonly onFailure?: (error: unknown) => void;
}

export class LogFiles implements LogSink {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #onFailure: (error: unknown) => void;
  readonly #files = new Map<string, LogFile>();
  readonly #dirty = new Set<LogFile>();
  readonly #listeners = new Set<(line: LogLine) => void>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #failed = false;

  constructor(directory: string, options: LogFilesOptions = {}) {
    this.#directory = directory;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#onFailure = options.onFailure ?? (() => undefined);
    mkdirSync(directory, { recursive: true });
  }

  write(line: LogLine): void {
    if (this.#closed) return;
    const file = this.#fileOf(line.source);
    this.#dirty.add(file);
    if (file.add(formatLogLine(line)) >= FLUSH_CHARS) this.#flushFile(file);
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS).unref();
    for (const listener of this.#listeners) listener(line);
  }

  /** Hears every line from now on. */
  subscribe(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The tail ends where the later lines begin. */
  follow(source: string | null, lines: number, listener: (line: LogLine) => void): FollowedLog {
    const end = this.subscribe(listener);
    return { tail: this.tail(source, lines), end };
  }

  /** Whether a source has printed something, in this run or in the one that it continues. */
  has(source: string): boolean {
    return this.#files.has(source) || existsSync(logPathsOf(this.#directory, source).current);
  }

  /** The last lines of one source; of all, in the order of their times, for `null`. */
  async tail(source: string | null, lines: number): Promise<LogLine[]> {
    this.flush();
    // Its files are opened before anything is awaited: what is written or rotated from here on is not part of it (G1).
    return await tailLogs(this.#directory, source, lines, [...this.#files.keys()]);
  }

  /** Writes what waits. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const file of this.#dirty) this.#flushFile(file);
  }

  /** Writes what waits and takes nothing more. */
  close(): void {
    this.flush();
    this.#closed = true;
    for (const file of this.#files.values()) file.close();
  }

  #flushFile(file: LogFile): void {
    this.#dirty.delete(file);
    try {
      file.flush();
    } catch (error) {
      if (!this.#failed) this.#onFailure(error);
      this.#failed = true;
    }
  }

  #fileOf(source: string): LogFile {
    let file = this.#files.get(source);
    if (file === undefined) {
      const { current, previous } = logPathsOf(this.#directory, source);
      file = new LogFile(current, previous, this.#maxBytes);
      this.#files.set(source, file);
    }
    return file;
  }
}

/** One source's file, and the one before it. */
class LogFile {
  readonly #path: string;
  readonly #previous: string;
  readonly #maxBytes: number;
  #waiting: string[] = [];
  #chars = 0;
  #descriptor: number | null = null;
  #bytes = 0;

  constructor(path: string, previous: string, maxBytes: number) {
    this.#path = path;
    this.#previous = previous;
    this.#maxBytes = maxBytes;
  }

  /** Takes a line; gives the number of characters that wait. */
  add(line: string): number {
    this.#waiting.push(line);
    this.#chars += line.length;
    return this.#chars;
  }

  flush(): void {
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#chars = 0;
    if (text === '') return;
    const bytes = Buffer.from(text);
    const descriptor = this.#open();
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
    this.#bytes += bytes.length;
    if (this.#bytes >= this.#maxBytes) this.#rotate();
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #open(): number {
    if (this.#descriptor === null) {
      this.#descriptor = openSync(this.#path, 'a', 0o600);
      this.#bytes = fstatSync(this.#descriptor).size;
    }
    return this.#descriptor;
  }

  #rotate(): void {
    this.close();
    renameSync(this.#path, this.#previous);
  }
}

/**
 * The last lines in a folder of log files, also when nobody writes them any more.
 *
 * @param source - `null` for all of them, in the order of their times
 * @param known - sources beside those that the names of the files tell
 */
export async function tailLogs(
  directory: string,
  source: string | null,
  lines: number,
  known: readonly string[] = [],
): Promise<LogLine[]> {
  const sources = source === null ? new Set([...known, ...sourcesIn(directory)]) : [source];
  return await readTail(
    [...sources].flatMap((source) => openLog(directory, source) ?? []),
    lines,
  );
}

/** Sources by the names of their files; those whose name was cut are not told. */
function sourcesIn(directory: string): string[] {
  try {
    const files = readdirSync(directory).filter(
      (file) => file.endsWith('.log') && !file.includes('~'),
    );
    return files.map((file) => decodeURIComponent(file.slice(0, -'.log'.length)));
  } catch {
    return [];
  }
}

/** The files of a source, the older one first; `undefined` when it has none. Whoever reads them closes them. */
function openLog(directory: string, source: string): OpenLog | undefined {
  const { current, previous } = logPathsOf(directory, source);
  const parts = [previous, current].flatMap((path) => {
    try {
      const descriptor = openSync(path, 'r');
      return [{ descriptor, size: fstatSync(descriptor).size }];
    } catch {
      return [];
    }
  });
  return parts.length === 0 ? undefined : { source, parts };
}

function logPathsOf(directory: string, source: string): { current: string; previous: string } {
  // `~` marks a name that was cut.
  let name = encodeURIComponent(source).replaceAll('~', '%7E');
  if (name.length > MAX_NAME_CHARS) {
    const hash = createHash('sha256').update(source).digest('hex').slice(0, HASH_DIGITS);
    name = `${name.slice(0, MAX_NAME_CHARS - HASH_DIGITS - 1)}~${hash}`;
  }
  return { current: join(directory, `${name}.log`), previous: join(directory, `${name}.log.1`) };
}
