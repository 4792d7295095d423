/** What a deployed app printed, from its log group, without its flow: it may be paused, or not come up. */
import { EventEmitter, on } from 'node:events';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { LogLine } from '../../../ports/log-sink.ts';
import type { AwsClients } from '../clients.ts';
import { CloudWatchLogs } from '../cloudwatch-logs.ts';
import { appKey } from '../contract.ts';
import { AFTER_ALL, queryAll } from '../dynamo/query.ts';
import { storedTasks, type QueryItems } from '../launcher/stored-tasks.ts';
import { attempt } from './aws-error.ts';

export interface LogPlace {
  readonly app: string;
  readonly logGroup: string;
  /** Name of table `State`, in which it stands whose task is whose. */
  readonly stateTable: string;
}

export interface LogWish {
  /** `flow`, a work's full name, or `null` for all. */
  readonly source: string | null;
  /** How many lines of before. */
  readonly lines: number;
  /** Go on with every new line until `signal` is aborted. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly pollMs?: number;
}

/** Whether a work of this name ever had a task. */
export async function hasPrinted(
  clients: Pick<AwsClients, 'dynamodb'>,
  place: LogPlace,
  work: string,
): Promise<boolean> {
  const query = queryOf(clients, place);
  return (await attempt('reading the tasks of a work', () => storedTasks(query, work))).length > 0;
}

/** @throws `AWS_CALL_FAILED`, `AWS_CREDENTIALS_MISSING`; following goes on whatever AWS says */
export async function* storedLogs(
  clients: Pick<AwsClients, 'logs' | 'dynamodb'>,
  place: LogPlace,
  { source, lines, follow, signal, pollMs }: LogWish,
): AsyncGenerator<LogLine> {
  const query = queryOf(clients, place);
  const logs = new CloudWatchLogs({
    client: clients.logs,
    logGroup: place.logGroup,
    tasksOf: (work) => storedTasks(query, work),
    works: () => [],
    ...(pollMs === undefined ? {} : { pollMs }),
  });
  try {
    if (!follow) {
      yield* await attempt('reading logs', () => logs.tail(source, lines));
      return;
    }
    const live = new EventEmitter();
    const news = on(live, 'line', { signal });
    const { tail } = logs.follow(source, lines, (line) => void live.emit('line', line));
    yield* await attempt('reading logs', () => tail);
    for await (const [line] of news as AsyncIterable<[LogLine]>)
      if (source === null || line.source === source) yield line;
  } finally {
    logs.close();
  }
}

function queryOf({ dynamodb }: Pick<AwsClients, 'dynamodb'>, place: LogPlace): QueryItems {
  const { app, stateTable: table } = place;
  return async (prefix) => {
    const range = { table, pk: appKey(app), from: prefix, to: prefix + AFTER_ALL };
    const items: Record<string, AttributeValue>[] = [];
    for await (const item of queryAll(dynamodb, range)) items.push(item);
    return items;
  };
}
