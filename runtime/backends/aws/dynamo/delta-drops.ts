/**
 * Works whose deltas are being removed, because their mark moved back: they are gone, and their names may be used again.
 *
 * X1 A drop names the highest epoch that goes. It is recorded with the turn record that moved the mark, so that it is
 *    taken up again after a crash, and kept in snapshots until it is done.
 * X2 It runs beside commits: a work may have left a month of deltas. Until it is done its deltas are not returned, and a new
 *    work of the name must not be launched ({@link DeltaDrops.whenDone}).
 */
import { background } from '../../../errors/index.ts';
import { dropDeltas, type DeltaPlace } from './delta-items.ts';
import { persist, type Persistence } from './persist.ts';

interface Drop {
  epoch: number;
  /** False when it was given up. */
  readonly done: Promise<boolean>;
}

export class DeltaDrops {
  readonly #pending = new Map<string, Drop>();
  readonly #place: DeltaPlace;
  readonly #persistence: Persistence;
  readonly #stop: AbortSignal;

  constructor(place: DeltaPlace, persistence: Persistence, stop: AbortSignal) {
    this.#place = place;
    this.#persistence = persistence;
    this.#stop = stop;
  }

  /** Begins to remove the deltas of a work up to an epoch. */
  start(key: string, epoch: number): void {
    const before = this.#pending.get(key);
    const drop = { epoch, done: this.#drop(key, epoch, before?.done) };
    this.#pending.set(key, drop);
    background(
      drop.done.then((isDone) => {
        if (isDone && this.#pending.get(key) === drop) this.#pending.delete(key);
      }),
      'removal of the deltas of a deleted work',
    );
  }

  /** Highest epoch of a work that does not count any more; -1 when all do. */
  droppedEpoch(key: string): number {
    return this.#pending.get(key)?.epoch ?? -1;
  }

  /** Resolves when nothing of an earlier work of this name is left. Rejects when the lease was lost before. */
  async whenDone(key: string): Promise<void> {
    const isDone = (await this.#pending.get(key)?.done) ?? true;
    if (!isDone) throw this.#persistence.lease.lostBecause;
  }

  /** What is not done, for a snapshot. */
  toStored(): string {
    const epochs = [...this.#pending].map(([key, { epoch }]) => [key, epoch]);
    return JSON.stringify(Object.fromEntries(epochs));
  }

  /** Resolves when all are done or given up. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#pending.values()].map(({ done }) => done));
  }

  async #drop(key: string, epoch: number, before: Promise<boolean> | undefined): Promise<boolean> {
    await before;
    const result = await persist(
      this.#persistence,
      async (signal) => {
        await dropDeltas(this.#place, key, epoch, signal);
        return 'done' as const;
      },
      this.#stop,
    );
    return result === 'done';
  }
}
