/** The shapes of the downlink in `State`, written by the flow (`downlink-writer.ts`) and read by the work (`bell-poller.ts`). */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export const MESSAGE_PREFIX = 'M#';

/** What there is to hear for one launch of a work. */
export interface Bell {
  readonly epoch: number;
  /** Number of the first message for this launch; messages are numbered on over all launches. */
  readonly first: number;
  /** Number of the latest message. */
  readonly last: number;
}

export function parseBell(item: Readonly<Record<string, AttributeValue>>): Bell {
  const numberOf = (name: string): number => Number(item[name]?.N ?? 0);
  return { epoch: numberOf('e'), first: numberOf('f'), last: numberOf('n') };
}

export function bellItem(
  { epoch, first, last }: Bell,
  fence: number,
): Record<string, AttributeValue> {
  return {
    e: { N: String(epoch) },
    f: { N: String(first) },
    n: { N: String(last) },
    fence: { N: String(fence) },
  };
}
