import type { Delta } from '../protocol/delta.ts';
import type { Downlink } from '../protocol/downlink.ts';

/** The flow's end of the lines to its works. */
export interface DeltaChannel {
  /**
   * Hears every delta that is durable or will be acknowledged only when it is, in order per work.
   * Repeats are possible and dropped by the loop (R1).
   */
  subscribe(handler: (delta: Delta) => void): () => void;
  /**
   * Sends to the current process of a work; resolves `absent` when none is connected.
   * Delivery of calls is repeated by the reconciler, so a lost one does no harm (R5).
   */
  deliver(work: string, message: Downlink): Promise<'sent' | 'absent'>;
  close(): Promise<void>;
}
