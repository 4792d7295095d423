/** The deltas of an app's works, as far as its flow is concerned: committed marks, and works that are gone. */
import type { Clock } from '../../../ports/clock.ts';
import type { Delta } from '../../../protocol/delta.ts';
import type { TurnRecord } from '../../../protocol/turn-record.ts';
import { DeltaDrops } from './delta-drops.ts';
import { dropDeltas, lastEpoch, putDelta, readDeltas, type DeltaPlace } from './delta-items.ts';
import { toStoreError } from './dynamo-errors.ts';
import { persist, type Persistence } from './persist.ts';

export interface DeltaStoreParts {
  readonly place: DeltaPlace;
  readonly persistence: Persistence;
  readonly clock: Clock;
  /** Partition key of a work by its name. */
  readonly keyOf: (work: string) => string | undefined;
  readonly stop: AbortSignal;
}

export class DeltaStore {
  readonly drops: DeltaDrops;
  readonly #parts: DeltaStoreParts;
  /** Committed marks by name of work. */
  readonly #marks: Map<string, number>;
  /** Names of works that may have deltas. */
  readonly #works: Set<string>;

  constructor(parts: DeltaStoreParts, marks: Readonly<Record<string, number>>) {
    this.#parts = parts;
    this.#marks = new Map(Object.entries(marks));
    this.#works = new Set(this.#marks.keys());
    this.drops = new DeltaDrops(parts.place, parts.persistence, parts.stop);
  }

  /** Puts deltas as their works would: in order, repeats and what is committed already left out. */
  async append(deltas: readonly Delta[]): Promise<void> {
    const byWork = new Map<string, Delta[]>();
    for (const delta of deltas) {
      const members = byWork.get(delta.work) ?? [];
      byWork.set(delta.work, members);
      members.push(delta);
    }
    await Promise.all([...byWork].map(([work, members]) => this.#put(work, members)));
  }

  /** Deltas that are not committed, above `seq`. */
  async after(work: string, seq: number): Promise<Delta[]> {
    const key = this.#parts.keyOf(work);
    if (key === undefined) return [];
    this.#works.add(work);
    const after = Math.max(seq, this.#marks.get(work) ?? 0);
    const what = { work, seq: after, dropped: this.drops.droppedEpoch(key) };
    const { place } = this.#parts;
    try {
      return await readDeltas(place, key, what);
    } catch (error) {
      throw toStoreError(error, place.table);
    }
  }

  /** Works whose mark a turn moves back, with the epoch up to which their deltas go (`delta-drops.ts`). */
  async dropsOf(turn: TurnRecord): Promise<Map<string, number> | 'fenced'> {
    const { keyOf, place, persistence } = this.#parts;
    const drops = new Map<string, number>();
    for (const [work, mark] of Object.entries(turn.marks)) {
      const key = keyOf(work);
      if (mark >= (this.#marks.get(work) ?? 0) || key === undefined) continue;
      const epoch = await persist(persistence, (signal) => lastEpoch(place, key, signal));
      if (epoch === 'fenced') return 'fenced';
      if (epoch !== null) drops.set(key, epoch);
    }
    return drops;
  }

  /** A turn is durable. */
  committed(turn: TurnRecord, drops: ReadonlyMap<string, number>): void {
    for (const [work, mark] of Object.entries(turn.marks)) {
      this.#marks.set(work, mark);
      this.#works.add(work);
    }
    for (const [key, epoch] of drops) this.drops.start(key, epoch);
  }

  /** Keys of all works that may have deltas. */
  keys(): string[] {
    const keys = [...this.#works].map((work) => this.#parts.keyOf(work));
    return keys.filter((key) => key !== undefined);
  }

  /** Removes all deltas under these keys. */
  async clear(keys: readonly string[]): Promise<void> {
    const { place, persistence } = this.#parts;
    this.#marks.clear();
    this.#works.clear();
    for (const key of keys) {
      const result = await persist(persistence, async (signal) => {
        await dropDeltas(place, key, Number.POSITIVE_INFINITY, signal);
        return 'done' as const;
      });
      if (result === 'fenced') throw persistence.lease.lostBecause;
    }
  }

  /** Resolves when the deltas of an earlier work of this name are removed. */
  async whenDropped(work: string): Promise<void> {
    const key = this.#parts.keyOf(work);
    if (key !== undefined) await this.drops.whenDone(key);
  }

  async #put(work: string, deltas: readonly Delta[]): Promise<void> {
    const { keyOf, place, persistence, clock } = this.#parts;
    const key = keyOf(work);
    if (key === undefined) return;
    this.#works.add(work);
    await this.drops.whenDone(key);
    for (const delta of deltas) {
      if (delta.seq <= (this.#marks.get(work) ?? 0)) continue;
      const now = clock.now();
      const result = await persist(persistence, (signal) =>
        putDelta(place, key, delta, now, signal),
      );
      if (result === 'fenced') throw persistence.lease.lostBecause;
    }
  }
}
