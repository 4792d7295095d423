/** Which tasks the works of an app had, as its flow has stored it: also while no flow runs, and of tasks that never came up. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { encodeName } from '../contract.ts';
import { parseRunItem } from './records.ts';
import { RUN_PREFIX } from './rows.ts';

/** Reads items of the app whose sort keys begin with a text. */
export type QueryItems = (prefix: string) => Promise<readonly Record<string, AttributeValue>[]>;

export interface StoredTask {
  /** Full name. */
  readonly work: string;
  readonly arn: string;
}

/**
 * Tasks of a work, or of all works for `null`; of each work the newest last. A run that has ended is forgotten after a week.
 */
export async function storedTasks(
  query: QueryItems,
  work: string | null,
): Promise<readonly StoredTask[]> {
  const items = await query(work === null ? RUN_PREFIX : `${RUN_PREFIX}${encodeName(work)}#`);
  return items.flatMap((item) => {
    const { work, taskArn } = parseRunItem(item);
    return taskArn === null ? [] : [{ work, arn: taskArn }];
  });
}
