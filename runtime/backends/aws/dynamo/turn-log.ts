/**
 * The log of an app: items `T#<position>` under `A#<app>`, each written once and only if nothing is there.
 *
 * | kind    | stands for                                                     | text                                  |
 * |---------|----------------------------------------------------------------|---------------------------------------|
 * | `turn`  | a committed turn record                                        | the record                            |
 * | `claim` | a holder of the lease came: what follows is its, or a later one's | `{}`                               |
 * | `clear` | the app was emptied; versions begin again                      | keys of works whose deltas are removed |
 *
 * Why a holder that lost its lease without knowing cannot commit:
 *
 * G1 A holder writes its records one after the other, each at the position behind the one before: position p + 1 is only
 *    asked for after p is known to be written.
 * G2 A new holder reads the log to its end and puts its claim at the next position; only then does it act. If something stands
 *    there already, it reads that too and goes one further.
 * G3 So when a claim stands at c, all that earlier holders got written lies below c and was read (G2), and the next position
 *    of any of them is at most c (G1), where their put is refused. A refused holder stops.
 * G4 G3 must hold for requests that arrive late: positions are never used twice, not after `clear` either, and a claim outlives
 *    the records that a snapshot replaced by {@link CLAIM_TTL_DAYS}; a signed request is good for minutes.
 *
 * So an acknowledged commit is one that every later holder reads, whatever the clocks say, for one conditional put: one write
 * unit per KB of record (a transaction with a check of the lease would cost twice that: $1.25 instead of $0.625 per million).
 */
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { appKey, padded, SORT_KEY } from '../contract.ts';
import { isHead, putText, textOfHead } from './chunks.ts';
import { AFTER_ALL, queryAll } from './query.ts';
import { damaged } from './records.ts';

/** Prefix of the log's sort keys. */
export const LOG_PREFIX = 'T#';
/** Days that a claim stays behind the snapshot that covers it. */
export const CLAIM_TTL_DAYS = 30;

export const LOG_KINDS = ['turn', 'claim', 'clear'] as const;
export type LogKind = (typeof LOG_KINDS)[number];

export interface LogRecord {
  readonly position: number;
  readonly kind: LogKind;
  readonly fence: number;
  readonly storeVersion: number;
  readonly text: string;
  /** JSON of the works whose deltas go with this record, by key. */
  readonly drop: string | undefined;
}

/** Where a log is. */
export interface LogPlace {
  readonly client: DynamoDBClient;
  /** Name of the table `State`. */
  readonly table: string;
  readonly app: string;
}

export function logKey(position: number): string {
  return LOG_PREFIX + padded(position);
}

/**
 * Puts a record where nothing may be yet; `refused` when something is.
 *
 * @param writer – the same UUID whenever this record is tried again
 */
export function putRecord(
  { client, table, app }: LogPlace,
  record: LogRecord,
  writer: string,
  signal: AbortSignal,
): Promise<'written' | 'refused'> {
  const attributes: Record<string, AttributeValue> = {
    k: { S: record.kind },
    f: { N: String(record.fence) },
    sv: { N: String(record.storeVersion) },
    ...(record.drop === undefined ? {} : { d: { S: record.drop } }),
  };
  return putText(client, {
    table,
    pk: appKey(app),
    sk: logKey(record.position),
    text: record.text,
    attributes,
    condition: { expression: 'attribute_not_exists(#pk)', names: { '#pk': 'pk' } },
    writer,
    signal,
  });
}

/**
 * The records behind a position, in order.
 *
 * @throws `STORE_DAMAGED` when one is missing
 */
export async function* readLog(
  { client, table, app }: LogPlace,
  after: number,
): AsyncGenerator<LogRecord> {
  const range = { from: logKey(after + 1), to: LOG_PREFIX + AFTER_ALL, consistent: true };
  let next = after + 1;
  for await (const item of queryAll(client, { table, pk: appKey(app), ...range })) {
    const sk = item[SORT_KEY]?.S ?? '';
    if (!isHead(sk, LOG_PREFIX)) continue;
    if (sk !== logKey(next)) throw damaged(table, `${logKey(next)} is missing before ${sk}`);
    const kind = LOG_KINDS.find((each) => each === item['k']?.S);
    if (kind === undefined) throw damaged(table, `the record ${sk} is unreadable`);
    yield {
      position: next,
      kind,
      fence: Number(item['f']?.N ?? 0),
      storeVersion: Number(item['sv']?.N ?? 0),
      text: await textOfHead(client, table, item),
      drop: item['d']?.S,
    };
    next += 1;
  }
}
