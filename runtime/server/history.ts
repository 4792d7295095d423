/**
 * The past of a running app: its latest turns, and the state at each of their versions.
 *
 * Y1 Of some versions the state is kept whole, evenly spread over the turns: any other is the one before it and the
 *    operations since, so what is asked costs one part of the turns at most.
 * Y2 Versions share what did not change between them: memory is bounded by the limits, the document, and {@link PARTS}
 *    times its containers that change, without what is in them.
 * Y3 It must hear of every version from the first on, which replaces the whole document.
 */
import { randomBytes } from 'node:crypto';
import type { AppControl } from '../loop/control.ts';
import type { AppStage, CommittedTurn } from '../protocol/events.ts';
import { cloneJson, isContainer, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { SharedDocument } from './shared-document.ts';

/** Turns that are kept: over eight minutes of an app that never rests and commits twenty times a second. */
const MAX_TURNS = 10_000;
/** About how much memory the operations of these turns may take. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Parts into which the kept turns are divided by the versions that are kept whole. */
const PARTS = 20;
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

/** A version that is kept whole. */
interface Checkpoint {
  readonly version: number;
  readonly document: SharedDocument;
  /** Bytes of all turns up to it. */
  readonly bytesSoFar: number;
}

export class History {
  /** Tells this run's versions from those of another run. */
  readonly run = randomBytes(RUN_BYTES).toString('hex');
  readonly #limits: HistoryLimits;
  readonly #turns = new Map<number, HistoryTurn>();
  readonly #listeners = new Set<() => void>();
  /** Oldest first; the first one is at {@link oldest} or before it. */
  #checkpoints: Checkpoint[] = [];
  /** The newest state. */
  #head: SharedDocument | null = null;
  #oldest = 0;
  #newest = 0;
  #bytesSoFar = 0;
  #bytesAtOldest = 0;
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
    this.#start(version, cloneJson(document));
    this.#stage = wholeStage(document) ?? this.#stage;
  }

  /** Calls after every version. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The oldest version whose state is known; turns are kept from the next one on. */
  get oldest(): number {
    return this.#oldest;
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
    return version > this.#oldest ? this.#turns.get(version) : undefined;
  }

  add(turn: CommittedTurn): void {
    this.#stage = stageAfter(this.#stage, turn.ops);
    if (this.#head === null) {
      const whole = turn.ops.findLastIndex(({ op, path }) => op === 'replace' && path === '');
      const first = new SharedDocument({});
      first.apply(turn.ops.slice(Math.max(0, whole)));
      this.#start(turn.version, first.doc);
    } else {
      this.#head.apply(turn.ops);
      this.#newest = turn.version;
      this.#bytesSoFar += TURN_BYTES + sizeOf(turn.ops);
      this.#turns.set(turn.version, { ...turn, stage: this.#stage, bytesSoFar: this.#bytesSoFar });
      this.#keep(this.#head);
      this.#trim();
    }
    for (const listener of this.#listeners) listener();
  }

  /** The newest state; to be serialised at once, never kept or changed. */
  head(): { readonly version: number; readonly document: Json } {
    return { version: this.#newest, document: this.#head?.doc ?? {} };
  }

  /** The state at a version; to be serialised at once. `null` when it is not known any more, or not yet. */
  state(version: number): Json | null {
    if (this.#head === null || version < this.#oldest || version > this.#newest) return null;
    if (version === this.#newest) return this.#head.doc;
    const before = this.#checkpoints.findLast((each) => each.version <= version);
    if (before === undefined) return null;
    const then = before.document.fork();
    for (let next = before.version + 1; next <= version; next += 1)
      then.apply(this.#turns.get(next)?.ops ?? []);
    return then.doc;
  }

  #start(version: number, document: Json): void {
    this.#oldest = version;
    this.#newest = version;
    this.#head = new SharedDocument(document);
    this.#checkpoints = [{ version, document: this.#head.fork(), bytesSoFar: 0 }];
  }

  /** Keeps the newest version whole when a part of the turns is complete. */
  #keep(head: SharedDocument): void {
    const last = this.#checkpoints.at(-1);
    const turns = this.#newest - (last?.version ?? 0);
    const bytes = this.#bytesSoFar - (last?.bytesSoFar ?? 0);
    if (turns < this.#limits.turns / PARTS && bytes < this.#limits.bytes / PARTS) return;
    this.#checkpoints.push({
      version: this.#newest,
      document: head.fork(),
      bytesSoFar: this.#bytesSoFar,
    });
  }

  #trim(): void {
    const { turns, bytes } = this.#limits;
    while (
      this.#newest - this.#oldest > turns ||
      (this.#bytesSoFar - this.#bytesAtOldest > bytes && this.#oldest < this.#newest)
    ) {
      this.#oldest += 1;
      this.#bytesAtOldest = this.#turns.get(this.#oldest)?.bytesSoFar ?? this.#bytesSoFar;
    }
    // What lies before the last version that is kept whole up to here is needed for nothing.
    for (;;) {
      const [first, second] = this.#checkpoints;
      if (first === undefined || second === undefined || second.version > this.#oldest) return;
      for (let version = first.version + 1; version <= second.version; version += 1)
        this.#turns.delete(version);
      this.#checkpoints.shift();
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
