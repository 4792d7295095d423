import type { CallMessage } from '../protocol/downlink.ts';
import type { FailedReason } from '../protocol/messages.ts';
import type { WorkSpec } from '../protocol/work-spec.ts';
import type { Operation } from '../state/operation.ts';

/**
 * The work's end of the line to its flow; lives on the reporter thread of the work's process.
 *
 * W1 It alone gives deltas their `seq`, in the order in which they are handed over (R1).
 * W2 Its user thinks in posts: the deltas of the main thread, counted from 1. How many posts a `seq` stands for is the
 *    channel's own business; some become one delta, and some values of `seq` are nobody's post.
 */
export interface WorkChannel {
  /** Takes the next post: the rest of its frame from `,"ops":` on, with its line end (see `protocol/frame-tail.ts`). */
  post(tail: string): void;
  /** Takes changes that the thread itself reports, in the same sequence; no post. */
  report(ops: readonly Operation[]): void;
  /** Takes what is said beside the deltas. */
  say(message: WorkNotice): void;
  /**
   * Everything that the main thread handed over with its first `count` messages came here;
   * {@link WorkChannelListener.written} follows when the process may end without losing any of it.
   */
  given(count: number): void;
}

/** How far a process has come up, or why it does not. */
export type WorkNotice =
  | { readonly type: 'loaded' }
  | { readonly type: 'opened' }
  | { readonly type: 'failed'; readonly reason: FailedReason; readonly message: string };

/** What a channel tells the reporter thread. */
export interface WorkChannelListener {
  /** The process gets its work; told once, before anything else. */
  assigned(spec: WorkSpec): void;
  /** The first `posts` posts cost no memory any more: their credit may be spent again. */
  acknowledged(posts: number): void;
  /** @param appliedPosts - how many posts the flow had applied when it made the call */
  call(message: CallMessage, appliedPosts: number): void;
  flowDelta(ops: readonly Operation[]): void;
  /** The work is asked to end. @param exitCode - of its process when it does */
  stop(exitCode: number): void;
  /** See {@link WorkChannel.given}. */
  written(count: number): void;
  /** No flow will ever be heard of again: the work is asked to end, and is killed after the grace (0: at once). */
  gone(graceMs: number): void;
  /** The process ends now, with this exit code; nothing that it still says counts. */
  leave(exitCode: number): void;
}
