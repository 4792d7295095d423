/**
 * Answers with lines of logs: those there are, then those that come.
 *
 * A1 What waits for a reader is bounded: a tail by the source, what comes later here. A reader beyond that is cut.
 * A2 Tails are read one after the other, and only while there is room: what is kept is the limit and one tail.
 */
import type { FastifyReply } from 'fastify';
import type { LogLine } from '../ports/log-sink.ts';
import type { LiveStreams } from './live-stream.ts';
import type { LogSource } from './log-source.ts';
import type { Outlet, Outlets } from './outlets.ts';

/** Characters of lines that came while the reader was not ready; a slower one is cut, so that it misses none unknowingly. */
const MAX_WAITING_CHARS = 8 * 1024 * 1024;
/** The same while there is no room. */
const MAX_PRESSED_CHARS = 64 * 1024;
/** Characters that are made and sent at once. */
const PIECE_CHARS = 32 * 1024;
/** What a line takes beside its text, about. */
const LINE_CHARS = 100;

export interface LogsRequest {
  readonly tail: number;
  readonly isFollowing: boolean;
  /** In lower case; empty for every line. */
  readonly search: string;
}

export class LogAnswers {
  readonly #logs: LogSource;
  readonly #streams: LiveStreams;
  readonly #outlets: Outlets;
  /** The tail that is read now. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(logs: LogSource, streams: LiveStreams, outlets: Outlets) {
    this.#logs = logs;
    this.#streams = streams;
    this.#outlets = outlets;
  }

  async send(
    reply: FastifyReply,
    source: string | null,
    { tail, isFollowing, search }: LogsRequest,
  ): Promise<void> {
    const isWanted = ({ line }: LogLine): boolean =>
      search === '' || line.toLowerCase().includes(search);
    let unsubscribe = (): void => undefined;
    const lines = new WaitingLines(this.#outlets, () => unsubscribe());
    const outlet = this.#streams.open(reply, 'application/x-ndjson', lines);
    lines.attach(outlet);
    try {
      await this.#inTurn(async () => {
        if (lines.isOver) return;
        if (!isFollowing)
          return lines.begin((await this.#logs.tail(source, tail)).filter(isWanted), false);
        const followed = this.#logs.follow(source, tail, (line) => {
          if ((source === null || line.source === source) && isWanted(line)) lines.add(line);
        });
        unsubscribe = followed.end;
        lines.begin((await followed.tail).filter(isWanted), true);
      });
    } catch (error) {
      // The answer has begun: cutting it off is all that can still tell the reader.
      outlet.cut();
      throw error;
    }
  }

  /** Runs after those before it, when there is room. */
  async #inTurn(read: () => Promise<void>): Promise<void> {
    const before = this.#reading;
    const mine = before.then(() => this.#outlets.room()).then(read);
    this.#reading = mine.catch(() => undefined);
    await mine;
  }
}

/** What one reader has yet to get. */
class WaitingLines {
  readonly #outlets: Outlets;
  readonly #unsubscribe: () => void;
  #outlet: Outlet | null = null;
  #tail: LineQueue | null = null;
  readonly #later = new LineQueue();
  #isFollowing = true;
  /** What of it {@link Outlets} know of. */
  #counted = 0;
  isOver = false;

  constructor(outlets: Outlets, unsubscribe: () => void) {
    this.#outlets = outlets;
    this.#unsubscribe = unsubscribe;
  }

  attach(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  /** Lines that are there; what was added meanwhile comes after them. */
  begin(lines: readonly LogLine[], isFollowing: boolean): void {
    if (this.isOver) return;
    this.#tail = new LineQueue(lines);
    this.#isFollowing = isFollowing;
    this.onReady();
  }

  add(line: LogLine): void {
    this.#later.add(line);
    this.onReady();
    const limit = this.#outlets.isFull ? MAX_PRESSED_CHARS : MAX_WAITING_CHARS;
    if (this.#later.chars > limit) this.#outlet?.cut();
  }

  onReady(): void {
    const outlet = this.#outlet;
    const tail = this.#tail;
    if (outlet !== null && tail !== null) {
      while (outlet.isReady) {
        const text = tail.take() || this.#later.take();
        if (text === '') break;
        outlet.send(Buffer.from(text));
      }
      if (!this.#isFollowing && tail.chars === 0 && outlet.isReady) outlet.end();
    }
    this.#count();
  }

  onEnd(): void {
    this.isOver = true;
    this.#tail = null;
    this.#later.clear();
    this.#count();
    this.#unsubscribe();
  }

  #count(): void {
    const chars = this.#later.chars + (this.#tail?.chars ?? 0);
    this.#outlets.count(chars - this.#counted);
    this.#counted = chars;
  }
}

class LineQueue {
  #lines: LogLine[];
  #taken = 0;
  #chars = 0;

  constructor(lines: readonly LogLine[] = []) {
    this.#lines = [...lines];
    for (const line of lines) this.#chars += charsOf(line);
  }

  /** Characters of all lines that are left, about. */
  get chars(): number {
    return this.#chars;
  }

  add(line: LogLine): void {
    this.#lines.push(line);
    this.#chars += charsOf(line);
  }

  /** The text of some lines; empty when there are none. */
  take(): string {
    let text = '';
    while (text.length < PIECE_CHARS) {
      const line = this.#lines[this.#taken];
      if (line === undefined) break;
      this.#taken += 1;
      this.#chars -= charsOf(line);
      text += `${JSON.stringify(line)}\n`;
    }
    // What was taken goes in one go: taking it out one by one would move all others each time.
    if (this.#taken > this.#lines.length / 2) {
      this.#lines = this.#lines.slice(this.#taken);
      this.#taken = 0;
    }
    return text;
  }

  clear(): void {
    this.#lines = [];
    this.#taken = 0;
    this.#chars = 0;
  }
}

function charsOf({ line, source }: LogLine): number {
  return LINE_CHARS + source.length + line.length;
}
