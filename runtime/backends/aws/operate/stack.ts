/** The CloudFormation stack of an app: what it says, and its end. */
import {
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  type CloudFormationClient,
  type StackEvent,
} from '@aws-sdk/client-cloudformation';
import { setTimeout } from 'node:timers/promises';
import { appError } from '../../../errors/index.ts';
import { outputKeyOf, STACK_OUTPUTS, type StackOutput } from '../contract.ts';
import { attempt } from './aws-error.ts';

const NOT_THERE = /does not exist/;
const TABLE = 'AWS::DynamoDB::Table';
const GROUP = 'AWS::AutoScaling::AutoScalingGroup';

export interface StackFacts {
  /** Unique, also among stacks of this name that were deleted. */
  readonly id: string;
  readonly status: string;
  readonly outputs: Readonly<Partial<Record<StackOutput, string>>>;
}

/** What a stack says of an app; `null` where there is none. */
export async function describeStack(
  client: CloudFormationClient,
  stack: string,
  app: string,
): Promise<StackFacts | null> {
  const answer = await attempt(`looking for the stack ${stack}`, async () => {
    try {
      return await client.send(new DescribeStacksCommand({ StackName: stack }));
    } catch (error) {
      if (error instanceof Error && NOT_THERE.test(error.message)) return null;
      throw error;
    }
  });
  const [found] = answer?.Stacks ?? [];
  if (found === undefined) return null;
  const values = new Map(found.Outputs?.map((each) => [each.OutputKey, each.OutputValue]));
  const names = Object.keys(STACK_OUTPUTS) as StackOutput[];
  const outputs = names.flatMap((name) => {
    const value = values.get(outputKeyOf(app, name));
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    id: found.StackId ?? stack,
    status: found.StackStatus ?? '',
    outputs: Object.fromEntries(outputs),
  };
}

/** Resources of a stack that cost money or are kept: physical names of its groups, both names of its tables. */
export async function resourcesOf(client: CloudFormationClient, stack: string) {
  const answer = await attempt(`reading the resources of ${stack}`, () =>
    client.send(new DescribeStackResourcesCommand({ StackName: stack })),
  );
  const of = (type: string) =>
    (answer.StackResources ?? [])
      .filter((each) => each.ResourceType === type && each.ResourceStatus !== 'DELETE_COMPLETE')
      .map((each) => ({ id: each.LogicalResourceId ?? '', name: each.PhysicalResourceId ?? '' }));
  return { groups: of(GROUP).map(({ name }) => name), tables: of(TABLE) };
}

export interface DeleteOptions {
  readonly signal: AbortSignal;
  readonly pollMs: number;
  /** Hears of every resource. */
  readonly progress: (line: string) => void;
  /** Logical ids of resources that stay; only where deleting them has failed. */
  readonly retain?: readonly string[];
}

/**
 * Deletes a stack and waits for its end.
 *
 * @returns logical ids and reasons of what could not be deleted; none when the stack is gone
 */
export async function deleteStack(
  client: CloudFormationClient,
  { id }: StackFacts,
  { signal, pollMs, progress, retain = [] }: DeleteOptions,
): Promise<ReadonlyMap<string, string>> {
  const told = new Set((await eventsOf(client, id)).map((event) => event.EventId));
  await attempt('deleting the stack', () =>
    client.send(
      new DeleteStackCommand({
        StackName: id,
        ...(retain.length > 0 ? { RetainResources: [...retain] } : {}),
      }),
    ),
  );
  const failed = new Map<string, string>();
  for (;;) {
    for (const event of (await eventsOf(client, id)).toReversed()) {
      if (told.has(event.EventId)) continue;
      told.add(event.EventId);
      const { LogicalResourceId: name = '', ResourceStatus: status = '' } = event;
      const reason = event.ResourceStatusReason ?? '';
      progress(`${status} ${name}${reason === '' ? '' : `: ${reason}`}`);
      if (status === 'DELETE_FAILED' && event.PhysicalResourceId !== id) failed.set(name, reason);
      if (status === 'DELETE_COMPLETE') failed.delete(name);
    }
    const status = await statusOf(client, id);
    if (status === null || status === 'DELETE_COMPLETE') return new Map();
    if (status === 'DELETE_FAILED') return failed;
    await setTimeout(pollMs, undefined, { signal });
  }
}

/** @throws `DESTROY_STACK_FAILED` */
export function checkDeleted(stack: string, failed: ReadonlyMap<string, string>): void {
  if (failed.size === 0) return;
  const problem = [...failed].map(([name, reason]) => `${name} (${reason})`).join(', ');
  throw appError('DESTROY_STACK_FAILED', { stack, problem });
}

async function statusOf(client: CloudFormationClient, id: string): Promise<string | null> {
  const { Stacks } = await attempt('looking at the stack', async () => {
    try {
      return await client.send(new DescribeStacksCommand({ StackName: id }));
    } catch (error) {
      if (error instanceof Error && NOT_THERE.test(error.message)) return { Stacks: [] };
      throw error;
    }
  });
  return Stacks?.[0]?.StackStatus ?? null;
}

async function eventsOf(client: CloudFormationClient, id: string): Promise<readonly StackEvent[]> {
  try {
    const answer = await client.send(new DescribeStackEventsCommand({ StackName: id }));
    return answer.StackEvents ?? [];
  } catch {
    // Events are for people; the status decides.
    return [];
  }
}
