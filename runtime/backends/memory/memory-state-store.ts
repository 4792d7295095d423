/**
 * A state store in memory, for tests and `stormkite/testing`.
 *
 * Opening takes an app over: leases given before are fenced. What is stored lives as long as the store object and shares
 * no structure with what callers hold.
 */
import { appError } from '../../errors/index.ts';
import type { CommitResult, StateStore, StoreLease } from '../../ports/state-store.ts';
import type { Delta } from '../../protocol/delta.ts';
import { foldTurn, type StoredApp, type TurnRecord } from '../../protocol/turn-record.ts';

interface StoredState {
  fence: number;
  app: StoredApp | null;
  /** Work to seq to delta. */
  readonly deltas: Map<string, Map<number, Delta>>;
}

export class MemoryStateStore implements StateStore {
  readonly #apps = new Map<string, StoredState>();

  async open(app: string): Promise<StoreLease> {
    const state = this.#apps.get(app) ?? { fence: 0, app: null, deltas: new Map() };
    this.#apps.set(app, state);
    state.fence += 1;
    return new MemoryLease(app, state);
  }
}

class MemoryLease implements StoreLease {
  readonly fence: number;
  readonly #name: string;
  readonly #state: StoredState;
  #isClosed = false;

  constructor(name: string, state: StoredState) {
    this.fence = state.fence;
    this.#name = name;
    this.#state = state;
  }

  async load(): Promise<StoredApp | null> {
    this.#assertOpen();
    return structuredClone(this.#state.app);
  }

  async commit(turn: TurnRecord): Promise<CommitResult> {
    this.#assertOpen();
    const state = this.#state;
    if (this.fence !== state.fence) return { ok: false, conflict: 'fenced' };
    if (turn.version !== (state.app?.version ?? 0) + 1) return { ok: false, conflict: 'version' };
    const before = state.app ?? { version: 0, document: {}, marks: {}, meta: {} };
    state.app = foldTurn(before, structuredClone(turn));
    for (const [work, mark] of Object.entries(turn.marks)) {
      // A mark that moves back belongs to a new work of the same name.
      if (mark < (before.marks[work] ?? 0)) state.deltas.delete(work);
      const kept = state.deltas.get(work);
      for (const seq of kept?.keys() ?? []) if (seq <= mark) kept?.delete(seq);
    }
    return { ok: true };
  }

  async appendDeltas(deltas: readonly Delta[]): Promise<void> {
    this.#assertActing();
    const { app, deltas: works } = this.#state;
    for (const delta of deltas) {
      if (delta.seq <= (app?.marks[delta.work] ?? 0)) continue;
      const kept = works.get(delta.work) ?? new Map<number, Delta>();
      works.set(delta.work, kept);
      const known = kept.get(delta.seq);
      if (known === undefined || known.epoch < delta.epoch)
        kept.set(delta.seq, structuredClone(delta));
    }
  }

  async deltasAfter(work: string, seq: number): Promise<Delta[]> {
    this.#assertOpen();
    const kept = [...(this.#state.deltas.get(work)?.values() ?? [])];
    return structuredClone(
      kept.filter((delta) => delta.seq > seq).toSorted((a, b) => a.seq - b.seq),
    );
  }

  async clear(): Promise<void> {
    this.#assertActing();
    this.#state.app = null;
    this.#state.deltas.clear();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #assertActing(): void {
    this.#assertOpen();
    if (this.fence !== this.#state.fence) throw appError('STORE_CONFLICT', { app: this.#name });
  }

  #assertOpen(): void {
    if (this.#isClosed) throw appError('STORE_CLOSED', { app: this.#name });
  }
}
