/**
 * Tells readers of the state: one event per version, exactly once, from where each of them stands.
 *
 * F1 Nothing is queued per reader but what its connection has not taken yet: a reader is a position in the {@link History}.
 * F2 A reader that falls too far behind, or whose position is not known, gets the state as a whole and goes on from there.
 * F3 Events beside the versions are bounded per reader, the oldest are left out; what they tell is in the state or the logs.
 */
import type { AppControl } from '../loop/control.ts';
import type { AppEvent, StreamEvent } from '../protocol/events.ts';
import { getAt, parsePointer } from '../state/pointer.ts';
import { Frame, snapshotFrame, turnFrame } from './frame.ts';
import type { History, HistoryTurn } from './history.ts';
import { partOf } from './turn-part.ts';

/** Turns, and about their bytes, that a slow reader may be behind before it gets the state as a whole. */
const MAX_LAG_TURNS = 1_000;
const MAX_LAG_BYTES = 4 * 1024 * 1024;
/** Events beside the versions that may wait for one reader. */
const MAX_WAITING = 1_000;
/** Proxies close connections on which nothing happens, often after 30 or 60 seconds. */
const PING_MS = 25_000;

/** Types of events that a reader can choose from. */
export const streamTypes = ['turn', 'stage', 'layout', 'status', 'log', 'error'] as const;
export type StreamType = (typeof streamTypes)[number];

/** A connection. */
export interface Sink {
  /** Whether it takes more now; when it does again, it calls {@link Reader.pump}. */
  readonly isReady: boolean;
  send(frame: Frame): void;
  ping(): void;
  /** Ends it after what was sent. */
  end(): void;
}

export interface ReaderOptions {
  readonly types: ReadonlySet<StreamType>;
  readonly pointer: string;
  /** Id of the last event that the reader has; `null` when it has none. */
  readonly lastId: string | null;
}

export class Feed {
  readonly #control: Pick<AppControl, 'subscribe'>;
  readonly #history: History;
  readonly #readers = new Set<Reader>();
  readonly #unfollow: () => void;
  /** Ends the subscription to events beside the versions, while there is one. */
  #unsubscribe: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** What was sent last, for the other readers. */
  #turn: { readonly version: number; readonly frame: Frame } | null = null;
  #snapshot: { readonly version: number; readonly frame: Frame } | null = null;
  #closed = false;

  constructor(control: Pick<AppControl, 'subscribe'>, history: History) {
    this.#control = control;
    this.#history = history;
    this.#unfollow = history.subscribe(() => {
      this.#snapshot = null;
      for (const reader of this.#readers) reader.pump();
    });
  }

  /** How many connections there are. */
  get readers(): number {
    return this.#readers.size;
  }

  /** Starts telling a connection. */
  open(sink: Sink, options: ReaderOptions): Reader {
    const reader = new Reader(sink, options, this.#history, {
      turn: (turn) => this.#turnFrame(turn),
      snapshot: () => this.#snapshotFrame(),
    });
    if (this.#closed) {
      sink.end();
      return reader;
    }
    this.#readers.add(reader);
    // Statuses and logs cost the app something: only while somebody reads.
    this.#unsubscribe ??= this.#control.subscribe((event) => this.#hear(event));
    this.#timer ??= setInterval(() => this.#ping(), PING_MS).unref();
    reader.pump();
    return reader;
  }

  leave(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#turn = null;
    this.#snapshot = null;
  }

  /** Tells an event beside the versions. */
  tell(event: Exclude<StreamEvent, { type: 'snapshot' | 'turn' }>): void {
    const frame = new Frame(event.type, null, JSON.stringify(event));
    for (const reader of this.#readers) reader.tell(event.type, frame);
  }

  /** Ends all readers, and those that come later. */
  close(): void {
    this.#closed = true;
    this.#unfollow();
    for (const reader of this.#readers) {
      reader.end();
      this.leave(reader);
    }
  }

  #hear(event: AppEvent): void {
    if (event.type !== 'turn' && event.type !== 'delta') this.tell(event);
  }

  #ping(): void {
    for (const reader of this.#readers) reader.ping();
  }

  #turnFrame(turn: HistoryTurn): Frame {
    if (this.#turn?.version === turn.version) return this.#turn.frame;
    const frame = turnFrame(this.#history.run, turn, turn);
    this.#turn = { version: turn.version, frame };
    return frame;
  }

  #snapshotFrame(): Frame {
    const { version, document } = this.#history.head();
    if (this.#snapshot?.version === version) return this.#snapshot.frame;
    const frame = snapshotFrame(this.#history.run, { type: 'snapshot', version, state: document });
    this.#snapshot = { version, frame };
    return frame;
  }
}

interface Frames {
  turn(turn: HistoryTurn): Frame;
  snapshot(): Frame;
}

export class Reader {
  readonly #sink: Sink;
  readonly #options: ReaderOptions;
  readonly #segments: string[];
  readonly #history: History;
  readonly #frames: Frames;
  /** Version that the reader has; `null` when it has none. */
  #position: number | null;
  /** Up to here it catches up with what it missed, however much that is. */
  readonly #catchUpTo: number;
  #waiting: Frame[] = [];

  constructor(sink: Sink, options: ReaderOptions, history: History, frames: Frames) {
    this.#sink = sink;
    this.#options = options;
    this.#segments = parsePointer(options.pointer);
    this.#history = history;
    this.#frames = frames;
    this.#position = positionOf(options.lastId, history);
    this.#catchUpTo = history.newest;
  }

  /** Sends what there is as long as the connection takes it. */
  pump(): void {
    const { types } = this.#options;
    while (this.#sink.isReady) {
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) this.#sink.send(waiting);
      else if (!types.has('turn') || !this.#next()) return;
    }
  }

  tell(type: StreamType, frame: Frame): void {
    if (!this.#options.types.has(type)) return;
    this.#waiting.push(frame);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    this.pump();
  }

  ping(): void {
    if (this.#sink.isReady) this.#sink.ping();
  }

  end(): void {
    this.#sink.end();
  }

  /** Sends one version; false when there is none. */
  #next(): boolean {
    const { newest } = this.#history;
    if (newest === 0 || this.#position === newest) return false;
    const turn =
      this.#position === null || this.#isTooFarBehind(this.#position)
        ? undefined
        : this.#history.turn(this.#position + 1);
    if (turn === undefined) this.#sendSnapshot();
    else this.#sendTurn(turn);
    return true;
  }

  #isTooFarBehind(position: number): boolean {
    if (position < this.#catchUpTo) return false;
    const { newest, bytesSoFar } = this.#history;
    if (newest - position > MAX_LAG_TURNS) return true;
    const next = this.#history.turn(position + 1);
    return next !== undefined && bytesSoFar - next.bytesSoFar > MAX_LAG_BYTES;
  }

  #sendTurn(turn: HistoryTurn): void {
    const { pointer } = this.#options;
    const part = partOf(turn, pointer);
    if (part === 'whole') {
      this.#sendSnapshot();
      return;
    }
    this.#position = turn.version;
    if (part === 'none') return;
    this.#sink.send(
      pointer === '' ? this.#frames.turn(turn) : turnFrame(this.#history.run, turn, part),
    );
  }

  #sendSnapshot(): void {
    if (this.#segments.length === 0) {
      this.#sink.send(this.#frames.snapshot());
      this.#position = this.#history.newest;
      return;
    }
    const { version, document } = this.#history.head();
    const state = getAt(document, this.#segments);
    this.#sink.send(
      snapshotFrame(this.#history.run, {
        type: 'snapshot',
        version,
        ...(state === undefined ? {} : { state }),
      }),
    );
    this.#position = version;
  }
}

/** The version that an event id stands for; `null` for none, for one of another run, and for what is not kept any more. */
function positionOf(id: string | null, { run, newest, oldest }: History): number | null {
  const version = id?.startsWith(`${run}-`) ? Number(id.slice(run.length + 1)) : Number.NaN;
  return Number.isSafeInteger(version) && version >= oldest && version <= newest ? version : null;
}
