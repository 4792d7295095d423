/** All items of a range of one partition, page by page. */
import { QueryCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PARTITION_KEY, SORT_KEY } from '../contract.ts';

type Item = Record<string, AttributeValue>;

/** Sorts behind every sort key with the same beginning: keys are printable ASCII. */
export const AFTER_ALL = '\u007F';

export interface Range {
  readonly table: string;
  readonly pk: string;
  /** First and last sort key, both included. */
  readonly from: string;
  readonly to: string;
  /** Also what was written just now, for twice the price. @default false */
  readonly consistent?: boolean;
  /** Attributes to return. @default all */
  readonly only?: readonly string[];
  /** From the last item to the first. */
  readonly backwards?: boolean;
  /** Items of one page at most, for whoever may need few. @default - as many as 1 MB holds */
  readonly pageItems?: number;
  readonly signal?: AbortSignal;
}

/** Items in the order of their sort keys, or against it. A page has at most 1 MB, whatever is returned of it. */
export async function* queryAll(client: DynamoDBClient, range: Range): AsyncGenerator<Item> {
  const names = new Map([
    ['#pk', PARTITION_KEY],
    ['#sk', SORT_KEY],
    ...(range.only ?? []).map((name, index): [string, string] => [`#a${index}`, name]),
  ]);
  const only = range.only?.map((_, index) => `#a${index}`).join(', ');
  let start: Item | undefined;
  do {
    const page = await client.send(
      new QueryCommand({
        TableName: range.table,
        KeyConditionExpression: '#pk = :pk AND #sk BETWEEN :from AND :to',
        ExpressionAttributeNames: Object.fromEntries(names),
        ExpressionAttributeValues: {
          ':pk': { S: range.pk },
          ':from': { S: range.from },
          ':to': { S: range.to },
        },
        ConsistentRead: range.consistent ?? false,
        ScanIndexForward: range.backwards !== true,
        ...(range.pageItems === undefined ? {} : { Limit: range.pageItems }),
        ...(only === undefined ? {} : { ProjectionExpression: only }),
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      }),
      range.signal === undefined ? {} : { abortSignal: range.signal },
    );
    yield* page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}
