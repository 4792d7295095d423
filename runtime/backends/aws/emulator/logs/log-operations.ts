/** The CloudWatch Logs API, as far as reading logs needs it. */
import { z } from 'zod';
import type { EmulatorContext } from '../context.ts';
import { operationOf, pageOf, type Operations } from '../operation.ts';
import { ServiceError } from '../service-error.ts';
import { toLogPattern } from './log-pattern.ts';
import type { LogEvent, LogGroups, LogStream } from './log-groups.ts';

const logs = operationOf('logs');

const MAX_EVENTS = 10_000;
const MAX_STREAMS = 50;

const group = z.object({ logGroupName: z.string() });
const time = z.number().optional();
const token = z.string().optional();

export function logOperations({ arns }: EmulatorContext, groups: LogGroups): Operations {
  return {
    CreateLogGroup: logs(group, ({ logGroupName }) => {
      if (groups.has(logGroupName))
        throw new ServiceError(
          'ResourceAlreadyExistsException',
          'The specified log group already exists',
        );
      groups.ensure(logGroupName);
      return {};
    }),
    DeleteLogGroup: logs(group, ({ logGroupName }) => {
      groups.remove(logGroupName);
      return {};
    }),
    DescribeLogGroups: logs(z.object({ logGroupNamePrefix: z.string().default('') }), (input) => ({
      logGroups: groups.all
        .filter(({ name }) => name.startsWith(input.logGroupNamePrefix))
        .map(({ name, createdAt }) => ({
          logGroupName: name,
          creationTime: createdAt,
          arn: `${arns.logGroup(name)}:*`,
        })),
    })),
    DescribeLogStreams: logs(
      group.extend({
        logStreamNamePrefix: z.string().default(''),
        orderBy: z.enum(['LogStreamName', 'LastEventTime']).default('LogStreamName'),
        descending: z.boolean().default(false),
        limit: z.number().int().min(1).max(MAX_STREAMS).default(MAX_STREAMS),
        nextToken: token,
      }),
      (input) => {
        const found = [...groups.get(input.logGroupName).streams.values()]
          .filter(({ name }) => name.startsWith(input.logStreamNamePrefix))
          .toSorted((a, b) =>
            input.orderBy === 'LogStreamName'
              ? compare(a.name, b.name)
              : (a.lastAt ?? 0) - (b.lastAt ?? 0),
          );
        if (input.descending) found.reverse();
        const { page, nextToken } = pageOf(found, input.nextToken, input.limit);
        return {
          logStreams: page.map((stream) => describe(stream, arns.logGroup(input.logGroupName))),
          nextToken,
        };
      },
    ),
    GetLogEvents: logs(
      group.extend({
        logStreamName: z.string(),
        startTime: time,
        endTime: time,
        startFromHead: z.boolean().default(false),
        limit: z.number().int().min(1).max(MAX_EVENTS).default(MAX_EVENTS),
        nextToken: token,
      }),
      (input) => {
        const { events } = groups.stream(input.logGroupName, input.logStreamName);
        return getEvents(events, input);
      },
    ),
    FilterLogEvents: logs(
      group.extend({
        logStreamNames: z.array(z.string()).optional(),
        logStreamNamePrefix: z.string().default(''),
        startTime: time,
        endTime: time,
        filterPattern: z.string().default(''),
        limit: z.number().int().min(1).max(MAX_EVENTS).default(MAX_EVENTS),
        nextToken: token,
      }),
      (input) => {
        const { logStreamNames: names, logStreamNamePrefix: prefix } = input;
        const matches = toLogPattern(input.filterPattern);
        const found = [...groups.get(input.logGroupName).streams.values()]
          .filter(({ name }) => name.startsWith(prefix) && (names?.includes(name) ?? true))
          .flatMap(({ name, events }) =>
            events
              .filter((event) => isWithin(event, input) && matches(event.message))
              .map((event) => ({ event, name })),
          )
          .toSorted((a, b) => a.event.at - b.event.at || a.event.number - b.event.number);
        const { page, nextToken } = pageOf(found, input.nextToken, input.limit);
        return {
          events: page.map(({ event, name }) => ({
            logStreamName: name,
            eventId: String(event.number).padStart(20, '0'),
            ...toEvent(event),
          })),
          nextToken,
          searchedLogStreams: [],
        };
      },
    ),
  };
}

interface Range {
  readonly startTime?: number | undefined;
  readonly endTime?: number | undefined;
}

/**
 * Tokens are places in the stream, `f/` forwards and `b/` backwards; at the end the same token comes back, which is how
 * readers know that there is nothing more for now.
 */
function getEvents(
  events: readonly LogEvent[],
  input: Range & { nextToken?: string | undefined; limit: number; startFromHead: boolean },
): object {
  const first = events[0]?.number ?? 0;
  const last = events.at(-1)?.number ?? 0;
  const [direction, place = ''] = input.nextToken?.split('/') ?? [];
  const within = events.filter((event) => isWithin(event, input));
  let page: readonly LogEvent[];
  if (direction === 'f')
    page = within.filter(({ number }) => number > Number(place)).slice(0, input.limit);
  else if (direction === 'b')
    page = within.filter(({ number }) => number < Number(place)).slice(-input.limit);
  else page = input.startFromHead ? within.slice(0, input.limit) : within.slice(-input.limit);
  const forward = page.at(-1)?.number ?? (direction === 'f' ? Number(place) : last);
  const backward = page[0]?.number ?? (direction === 'b' ? Number(place) : first);
  return {
    events: page.map(toEvent),
    nextForwardToken: `f/${forward}`,
    nextBackwardToken: `b/${backward}`,
  };
}

function isWithin({ at }: LogEvent, { startTime = -Infinity, endTime = Infinity }: Range): boolean {
  return at >= startTime && at < endTime;
}

function toEvent({ at, message }: LogEvent): object {
  return { timestamp: at, ingestionTime: at, message };
}

function describe({ name, createdAt, events, lastAt }: LogStream, groupArn: string): object {
  return {
    logStreamName: name,
    arn: `${groupArn}:log-stream:${name}`,
    creationTime: createdAt,
    firstEventTimestamp: events[0]?.at,
    lastEventTimestamp: lastAt ?? undefined,
    lastIngestionTime: lastAt ?? undefined,
    uploadSequenceToken: '0',
  };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
