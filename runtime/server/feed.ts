/**
 * Tells readers of the state: one event per version, exactly once, from where each of them stands.
 *
 * F1 No version is queued for a reader: it is a position in the {@link History}, and its {@link Outlets} bound what it was given.
 * F2 A reader that falls too far behind, or whose position is not known, gets the state as a whole and goes on from there.
 * F3 Events beside the versions are bounded per reader, the oldest are left out; what they tell is in the state or the logs.
 */
import type { AppControl } from '../loop/control.ts';
import type { AppEvent, StreamEvent } from '../protocol/events.ts';
import { Frame, snapshotFrame, turnFrame } from './frame.ts';
import type { History, HistoryTurn } from './history.ts';
import { Reader, type ReaderOptions, type Sink } from './reader.ts';

/** Proxies close connections on which nothing happens, often after 30 or 60 seconds. */
const PING_MS = 25_000;

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
      snapshot: (mayMake) => this.#snapshotFrame(mayMake),
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

  /** @param reader - `null` for a connection that ended before it had one */
  leave(reader: Reader | null): void {
    if (reader === null || !this.#readers.delete(reader) || this.#readers.size > 0) return;
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
    for (const reader of this.#readers) reader.end();
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

  #snapshotFrame(mayMake: boolean): Frame | null {
    if (this.#snapshot?.version === this.#history.newest) return this.#snapshot.frame;
    if (!mayMake) return null;
    const { version, document } = this.#history.head();
    const frame = snapshotFrame(this.#history.run, { type: 'snapshot', version, state: document });
    this.#snapshot = { version, frame };
    return frame;
  }
}
