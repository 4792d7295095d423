/**
 * One reader of the state: a position in the {@link History}, and what of the events beside the versions waits for it.
 */
import { getAt, parsePointer } from '../state/pointer.ts';
import { snapshotFrame, turnFrame, type Frame } from './frame.ts';
import type { History, HistoryTurn } from './history.ts';
import { partOf } from './turn-part.ts';

/** Turns, and about their bytes, that a slow reader may be behind before it gets the state as a whole. */
const MAX_LAG_TURNS = 1_000;
const MAX_LAG_BYTES = 4 * 1024 * 1024;
/** Events beside the versions that may wait for one reader. */
const MAX_WAITING = 1_000;
/** Characters that they may have together. */
const MAX_WAITING_CHARS = 1024 * 1024;

/** Types of events that a reader can choose from. */
export const streamTypes = ['turn', 'stage', 'layout', 'status', 'log', 'error'] as const;
export type StreamType = (typeof streamTypes)[number];

/** A connection. */
export interface Sink {
  /** Whether it takes more now; when it does again, it calls {@link Reader.pump}. */
  readonly isReady: boolean;
  /** Whether there is room for what has to be made first; when there is again, it calls {@link Reader.pump}. */
  readonly hasRoom: boolean;
  /** The same for what exists. */
  hasRoomFor(frame: Frame): boolean;
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

/** Frames that readers of the whole document share. */
export interface Frames {
  turn(turn: HistoryTurn): Frame;
  /** @param mayMake - whether one that nobody was sent yet may be made; `null` when it may not */
  snapshot(mayMake: boolean): Frame | null;
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
  #waitingChars = 0;

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
      const [waiting] = this.#waiting;
      if (waiting === undefined) {
        if (!types.has('turn') || !this.#next()) return;
      } else {
        if (!this.#sink.hasRoomFor(waiting)) return;
        this.#leaveOut();
        this.#sink.send(waiting);
      }
    }
  }

  tell(type: StreamType, frame: Frame): void {
    if (!this.#options.types.has(type)) return;
    this.#waiting.push(frame);
    this.#waitingChars += frame.length;
    while (this.#waiting.length > 1 && this.#isTooMuch) this.#leaveOut();
    this.pump();
  }

  ping(): void {
    if (this.#sink.isReady) this.#sink.ping();
  }

  end(): void {
    this.#sink.end();
  }

  get #isTooMuch(): boolean {
    return this.#waiting.length > MAX_WAITING || this.#waitingChars > MAX_WAITING_CHARS;
  }

  #leaveOut(): void {
    this.#waitingChars -= this.#waiting.shift()?.length ?? 0;
  }

  /** Sends one version; false when there is none, or no room for it. */
  #next(): boolean {
    const { newest } = this.#history;
    if (newest === 0 || this.#position === newest) return false;
    const turn =
      this.#position === null || this.#isTooFarBehind(this.#position)
        ? undefined
        : this.#history.turn(this.#position + 1);
    return turn === undefined ? this.#sendSnapshot() : this.#sendTurn(turn);
  }

  #isTooFarBehind(position: number): boolean {
    if (position < this.#catchUpTo) return false;
    const { newest, bytesSoFar } = this.#history;
    if (newest - position > MAX_LAG_TURNS) return true;
    const next = this.#history.turn(position + 1);
    return next !== undefined && bytesSoFar - next.bytesSoFar > MAX_LAG_BYTES;
  }

  #sendTurn(turn: HistoryTurn): boolean {
    const { pointer } = this.#options;
    const part = partOf(turn, pointer);
    if (part === 'whole') return this.#sendSnapshot();
    if (part === 'none') {
      this.#position = turn.version;
      return true;
    }
    return this.#send(
      pointer === '' ? this.#frames.turn(turn) : turnFrame(this.#history.run, turn, part),
      turn.version,
    );
  }

  #sendSnapshot(): boolean {
    const mayMake = this.#sink.hasRoom;
    const frame =
      this.#segments.length === 0
        ? this.#frames.snapshot(mayMake)
        : mayMake
          ? this.#snapshotOfPlace()
          : null;
    return frame !== null && this.#send(frame, this.#history.newest);
  }

  #send(frame: Frame, version: number): boolean {
    if (!this.#sink.hasRoomFor(frame)) return false;
    this.#position = version;
    this.#sink.send(frame);
    return true;
  }

  #snapshotOfPlace(): Frame {
    const { version, document } = this.#history.head();
    const state = getAt(document, this.#segments);
    const part = state === undefined ? {} : { state };
    return snapshotFrame(this.#history.run, { type: 'snapshot', version, ...part });
  }
}

/** The version that an event id stands for; `null` for none, for one of another run, and for what is not kept any more. */
function positionOf(id: string | null, { run, newest, oldest }: History): number | null {
  const version = id?.startsWith(`${run}-`) ? Number(id.slice(run.length + 1)) : Number.NaN;
  return Number.isSafeInteger(version) && version >= oldest && version <= newest ? version : null;
}
