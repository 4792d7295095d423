/**
 * The past of a running app: its latest turns, and the state at each of their versions.
 *
 * Y1 The state at `oldest` is kept whole, later ones are that state and the operations since: memory is bounded by the limits
 *    and two copies of the document, whatever is asked.
 * Y2 A turn that is dropped is folded into the oldest state first.
 * Y3 It must hear of every version from the first on, which replaces the whole document.
 */
import { randomBytes } from 'node:crypto';
import type { AppControl } from '../loop/control.ts';
import type { AppStage, CommittedTurn } from '../protocol/events.ts';
import { applyPatch } from '../state/apply.ts';
import { cloneJson, isContainer, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';

/** Turns that are kept: over eight minutes of an app that never rests and commits twenty times a second. */
const MAX_TURNS = 10_000;
/** About how much memory the operations of these turns may take. */
const MAX_BYTES = 32 * 1024 * 1024;
const RUN_BYTES = 6;
/** Memory of what a turn has beside its operations, about. */
const TURN_BYTES = 200;
const OPERATION_BYTES = 100;
const VALUE_BYTES = 16;

export interface HistoryLimits {
  readonly turns: number;
  readonly bytes: number;
}

export interface HistoryTurn extends CommittedTurn {
  /** Stage of the app at this version. */
  readonly stage: AppStage;
  /** About how much all turns so far took, this one included. */
  readonly bytesSoFar: number;
}

interface Version {
  version: number;
  document: Json;
}

export class History {
  /** Tells this run's versions from those of another run. */
  readonly run = randomBytes(RUN_BYTES).toString('hex');
  readonly #limits: HistoryLimits;
  readonly #turns = new Map<number, HistoryTurn>();
  readonly #listeners = new Set<() => void>();
  #oldest: Version | null = null;
  /** The newest state that was asked for; brought up to date when it is asked for again. */
  #head: Version | null = null;
  #newest = 0;
  #bytesSoFar = 0;
  #bytesDropped = 0;
  #stage: AppStage = 'running';

  constructor(limits: HistoryLimits = { turns: MAX_TURNS, bytes: MAX_BYTES }) {
    this.#limits = limits;
  }

  /** Hears every version of an app that is not open yet. */
  follow(control: Pick<AppControl, 'commits'>): () => void {
    return control.commits((turn) => this.add(turn));
  }

  /** Begins with the state of an app that has ended, which tells of no version. */
  begin(version: number, document: JsonObject): void {
    this.#oldest = { version, document: cloneJson(document) };
    this.#newest = version;
    this.#stage = wholeStage(document) ?? this.#stage;
  }

  /** Calls after every version. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The oldest version whose state is known; turns are kept from the next one on. */
  get oldest(): number {
    return this.#oldest?.version ?? 0;
  }

  get newest(): number {
    return this.#newest;
  }

  /** Bytes that all turns so far took, about. */
  get bytesSoFar(): number {
    return this.#bytesSoFar;
  }

  /** The turn that led to a version, if it is kept. */
  turn(version: number): HistoryTurn | undefined {
    return this.#turns.get(version);
  }

  add(turn: CommittedTurn): void {
    const whole = turn.ops.findLastIndex(({ op, path }) => op === 'replace' && path === '');
    this.#stage = stageAfter(this.#stage, turn.ops);
    this.#newest = turn.version;
    if (this.#oldest === null) {
      const { doc } = applyPatch({}, turn.ops.slice(Math.max(0, whole)), 'each');
      this.#oldest = { version: turn.version, document: doc };
    } else {
      this.#bytesSoFar += TURN_BYTES + sizeOf(turn.ops);
      this.#turns.set(turn.version, { ...turn, stage: this.#stage, bytesSoFar: this.#bytesSoFar });
      this.#trim(this.#oldest);
    }
    for (const listener of this.#listeners) listener();
  }

  /** The newest state; to be serialised at once, never kept or changed. */
  head(): { readonly version: number; readonly document: Json } {
    if (this.#oldest === null) return { version: 0, document: {} };
    this.#head ??= { version: this.#oldest.version, document: cloneJson(this.#oldest.document) };
    this.#advance(this.#head, this.#newest);
    return this.#head;
  }

  /** The state at a version; to be serialised at once. `null` when it is not known any more, or not yet. */
  state(version: number): Json | null {
    const oldest = this.#oldest;
    if (oldest === null || version < oldest.version || version > this.#newest) return null;
    if (version === this.#newest) return this.head().document;
    if (version === oldest.version) return oldest.document;
    const then = { version: oldest.version, document: cloneJson(oldest.document) };
    this.#advance(then, version);
    return then.document;
  }

  #trim(oldest: Version): void {
    const { turns, bytes } = this.#limits;
    while (this.#turns.size > turns || this.#bytesSoFar - this.#bytesDropped > bytes) {
      const version = oldest.version + 1;
      const dropped = this.#turns.get(version);
      // A head that nobody asked for since would need this turn.
      if (this.#head !== null && this.#head.version < version) this.#head = null;
      this.#advance(oldest, version);
      this.#turns.delete(version);
      this.#bytesDropped = dropped?.bytesSoFar ?? this.#bytesSoFar;
    }
  }

  #advance(from: Version, to: number): void {
    while (from.version < to) {
      const { ops } = this.#turns.get(from.version + 1) ?? { ops: [] };
      from.document = applyPatch(from.document, ops, 'each').doc;
      from.version += 1;
    }
  }
}

function stageAfter(stage: AppStage, ops: readonly Operation[]): AppStage {
  let last = stage;
  for (const op of ops) {
    if (op.op !== 'replace') continue;
    if (op.path === '/app_state/stage') last = op.value as AppStage;
    else if (op.path === '') last = wholeStage(op.value) ?? last;
  }
  return last;
}

function wholeStage(document: Json): AppStage | undefined {
  const { app_state: app } = document as { app_state?: { stage?: AppStage } };
  return app?.stage;
}

/** About how much memory operations take; far cheaper than serialising them. */
function sizeOf(ops: readonly Operation[]): number {
  let bytes = 0;
  for (const op of ops)
    bytes += OPERATION_BYTES + op.path.length + ('value' in op ? valueSize(op.value) : 0);
  return bytes;
}

function valueSize(value: Json): number {
  if (typeof value === 'string') return VALUE_BYTES + value.length;
  if (!isContainer(value)) return VALUE_BYTES;
  let bytes = VALUE_BYTES;
  if (Array.isArray(value)) {
    for (const item of value) bytes += valueSize(item);
    return bytes;
  }
  for (const [key, item] of Object.entries(value))
    bytes += VALUE_BYTES + key.length + valueSize(item);
  return bytes;
}
