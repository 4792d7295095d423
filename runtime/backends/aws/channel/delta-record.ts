/**
 * A delta as an item of `Deltas`: `D#<seq>` {`e` epoch, `t` epoch milliseconds, and the text of {@link recordText}}.
 *
 * The text is JSON within a string: DynamoDB would nest no deeper than 32 levels and give numbers back in other digits.
 */
import { z } from 'zod';
import { parseDelta, unreadableDelta, type Delta } from '../../../protocol/delta.ts';
import { parseDeltaText } from '../dynamo/delta-items.ts';

export const DELTA_PREFIX = 'D#';
/** Attribute with the epoch that wrote a record. */
export const EPOCH_ATTRIBUTE = 'e';
/** Attribute with the time of writing, for people. */
export const TIME_ATTRIBUTE = 't';

const noticeSchema = z.object({
  reason: z.enum(['load', 'tree', 'exited', 'interrupted']),
  message: z.string(),
});

/** Why a process ends that tells it itself: its app did not load, its tree differs, its flow is lost. */
export type ExitNotice = z.infer<typeof noticeSchema>;

export interface DeltaRecord {
  readonly delta: Delta;
  /** The last that its process had to say. */
  readonly notice: ExitNotice | null;
}

/** @param ops - JSON texts of operations, joined by commas; `event` and `notice` are JSON texts too */
export function recordText(ops: string, event: string | null, notice: string | null): string {
  return `{"ops":[${ops}]${event === null ? '' : `,"event":${event}`}${notice === null ? '' : `,"notice":${notice}`}}`;
}

/** The `seq` of a head's sort key. */
export function seqOf(sortKey: string): number {
  return Number(sortKey.slice(DELTA_PREFIX.length));
}

/**
 * Reads a record; one that cannot be read says so.
 *
 * @param read - gives its text
 * @throws what `read` throws, unless it is damage
 */
export async function readRecord(
  at: Pick<Delta, 'work' | 'epoch' | 'seq'>,
  read: () => Promise<string>,
): Promise<DeltaRecord> {
  try {
    return parseRecord(at, await read());
  } catch (error) {
    return { delta: unreadableDelta(at, error), notice: null };
  }
}

/**
 * Reads a record's text.
 *
 * @throws `PROTOCOL_MESSAGE_INVALID`, `STATE_PATCH_INVALID`, `STATE_KEY_FORBIDDEN`
 */
export function parseRecord(at: Pick<Delta, 'work' | 'epoch' | 'seq'>, text: string): DeltaRecord {
  const { ops, event, notice } = parseDeltaText(at.seq, text);
  const { data = null } = noticeSchema.safeParse(notice);
  return { delta: parseDelta({ ...at, ops, event }), notice: data };
}
