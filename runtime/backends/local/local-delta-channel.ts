import { background } from '../../errors/index.ts';
import type { DeltaChannel } from '../../ports/delta-channel.ts';
import type { StoreLease } from '../../ports/state-store.ts';
import type { Delta } from '../../protocol/delta.ts';
import type { Downlink } from '../../protocol/downlink.ts';

/** A process that can be told something; false when it cannot hear. */
interface Receiver {
  send(message: Downlink): boolean;
}

/** Hands deltas on at once, and acknowledges them when they are durable (R2). */
export class LocalDeltaChannel implements DeltaChannel {
  readonly #lease: Pick<StoreLease, 'appendDeltas'>;
  readonly #receiverOf: (work: string) => Receiver | null;
  readonly #handlers = new Set<(delta: Delta) => void>();

  constructor(
    lease: Pick<StoreLease, 'appendDeltas'>,
    receiverOf: (work: string) => Receiver | null,
  ) {
    this.#lease = lease;
    this.#receiverOf = receiverOf;
  }

  subscribe(handler: (delta: Delta) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  async deliver(work: string, message: Downlink): Promise<'sent' | 'absent'> {
    return this.#receiverOf(work)?.send(message) === true ? 'sent' : 'absent';
  }

  /** Takes what one process sent together. */
  take(deltas: readonly Delta[], acknowledge: (seq: number) => void): void {
    const last = deltas.at(-1);
    if (last === undefined) return;
    const durable = this.#lease.appendDeltas(deltas).then(() => acknowledge(last.seq));
    background(durable, 'making deltas durable');
    for (const handler of this.#handlers) for (const delta of deltas) handler(delta);
  }

  async close(): Promise<void> {
    this.#handlers.clear();
  }
}
