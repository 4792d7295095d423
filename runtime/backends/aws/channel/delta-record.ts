/**
 * A delta as an item of `Deltas`: `D#<seq>` {`e` epoch, `t` epoch milliseconds, and the text of {@link recordText}}.
 *
 * The text is JSON within a string: DynamoDB would nest no deeper than 32 levels and give numbers back in other digits.
 */
import { z } from 'zod';
import { appError } from '../../../errors/index.ts';
import { parseDelta, type Delta } from '../../../protocol/delta.ts';
import { deltaSortKey } from '../contract.ts';

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
 * Reads a record's text.
 *
 * @throws `PROTOCOL_MESSAGE_INVALID`, `STATE_PATCH_INVALID`, `STATE_KEY_FORBIDDEN`
 */
export function parseRecord(work: string, epoch: number, seq: number, text: string): DeltaRecord {
  const problem = `record ${deltaSortKey(seq)}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw appError(
      'PROTOCOL_MESSAGE_INVALID',
      { message: problem, problem: 'it is not JSON' },
      { cause },
    );
  }
  const fields = z.looseObject({}).safeParse(value);
  if (!fields.success)
    throw appError('PROTOCOL_MESSAGE_INVALID', { message: problem, problem: 'it is no object' });
  const { ops, event, notice } = fields.data;
  const { data = null } = noticeSchema.safeParse(notice);
  return { delta: parseDelta({ work, epoch, seq, ops, event }), notice: data };
}
