/** Deletes many items, whatever they hold. */
import {
  BatchWriteItemCommand,
  type AttributeValue,
  type DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { setTimeout as delay } from 'node:timers/promises';

/** Most that `BatchWriteItem` takes. */
export const BATCH_ITEMS = 25;
/** Milliseconds before items that the table had no room for are sent again; doubles up to the maximum. */
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;

/**
 * Deletes items by key; resolves when all are gone. Costs one write unit per KB of what is deleted.
 *
 * @param pauseMs – milliseconds before every batch, so that the table's capacity is left to others
 */
export async function removeItems(
  client: DynamoDBClient,
  table: string,
  keys: readonly Record<string, AttributeValue>[],
  options: { readonly pauseMs?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { pauseMs = 0, signal } = options;
  for (let start = 0; start < keys.length; start += BATCH_ITEMS) {
    if (pauseMs > 0) await wait(pauseMs, signal);
    let requests: WriteRequest[] = keys
      .slice(start, start + BATCH_ITEMS)
      .map((Key) => ({ DeleteRequest: { Key } }));
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      const { UnprocessedItems } = await client.send(
        new BatchWriteItemCommand({ RequestItems: { [table]: requests } }),
        signal === undefined ? {} : { abortSignal: signal },
      );
      requests = UnprocessedItems?.[table] ?? [];
      if (requests.length === 0) break;
      await wait(retryMs, signal);
    }
  }
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return delay(ms, undefined, signal === undefined ? {} : { signal });
}
