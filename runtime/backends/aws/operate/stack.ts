/** The CloudFormation stack of an app: what it says, what it holds, and its end. */
import {
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
  ListStackResourcesCommand,
  type CloudFormationClient,
  type Stack,
  type StackEvent,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { setTimeout } from 'node:timers/promises';
import { appError } from '../../../errors/index.ts';
import { outputKeyOf, STACK_OUTPUTS, type StackOutput } from '../contract.ts';
import { attempt } from './aws-error.ts';

const NOT_THERE = /does not exist/;
const GROUP = 'AWS::AutoScaling::AutoScalingGroup';

export interface StackFacts {
  /** Unique, also among stacks of this name that were deleted. */
  readonly id: string;
  readonly name: string;
  readonly status: string;
  /** Whether CloudFormation refuses to delete it. */
  readonly isProtected: boolean;
  readonly outputs: Readonly<Partial<Record<StackOutput, string>>>;
}

/** What a stack says of an app; `null` where there is none, or it is of something else. */
export async function describeStack(
  client: CloudFormationClient,
  stack: string,
  app: string,
): Promise<StackFacts | null> {
  const found = await lookFor(client, stack);
  return found !== null && mayBeOf(found, app) ? toFacts(found, app) : null;
}

/** What a stack is of, when it is there and not an app's own; `null` where the app may have it. */
export async function holderOf(
  client: CloudFormationClient,
  stack: string,
  app: string,
): Promise<string | null> {
  const found = await lookFor(client, stack);
  if (found === null || mayBeOf(found, app)) return null;
  const other = found.Outputs?.find(
    ({ OutputKey, OutputValue = '' }) => OutputKey === outputKeyOf(OutputValue, 'app'),
  );
  return other?.OutputValue === undefined ? 'something else' : `the app ${other.OutputValue}`;
}

/** A stack that could not be made has no outputs; names of two apps may lead to one name of a stack. */
function mayBeOf(stack: Stack, app: string): boolean {
  return toFacts(stack, app).outputs.app === app || (stack.Outputs ?? []).length === 0;
}

async function lookFor(client: CloudFormationClient, stack: string): Promise<Stack | null> {
  const answer = await attempt(`looking for the stack ${stack}`, async () => {
    try {
      return await client.send(new DescribeStacksCommand({ StackName: stack }));
    } catch (error) {
      if (error instanceof Error && NOT_THERE.test(error.message)) return null;
      throw error;
    }
  });
  return answer?.Stacks?.[0] ?? null;
}

/** The stack of a region that tells of an app, whatever its name is; `null` where there is none. */
export async function findStack(
  client: CloudFormationClient,
  app: string,
): Promise<StackFacts | null> {
  let NextToken: string | undefined;
  do {
    const page = await attempt(`looking for a stack with ${app}`, () =>
      client.send(new DescribeStacksCommand({ NextToken })),
    );
    for (const stack of page.Stacks ?? []) {
      const facts = toFacts(stack, app);
      if (facts.outputs.app === app) return facts;
    }
    ({ NextToken } = page);
  } while (NextToken !== undefined);
  return null;
}

function toFacts(stack: Stack, app: string): StackFacts {
  const values = new Map(stack.Outputs?.map((each) => [each.OutputKey, each.OutputValue]));
  const names = Object.keys(STACK_OUTPUTS) as StackOutput[];
  const outputs = names.flatMap((name) => {
    const value = values.get(outputKeyOf(app, name));
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    id: stack.StackId ?? '',
    name: stack.StackName ?? '',
    status: stack.StackStatus ?? '',
    isProtected: stack.EnableTerminationProtection ?? false,
    outputs: Object.fromEntries(outputs),
  };
}

export interface StackResource {
  /** In the template. */
  readonly id: string;
  /** In the account. */
  readonly name: string;
  readonly type: string;
}

/** Everything that a stack has. */
export async function resourcesOf(
  client: CloudFormationClient,
  stack: Pick<StackFacts, 'id' | 'name'>,
): Promise<readonly StackResource[]> {
  return (await summariesOf(client, stack))
    .filter(({ ResourceStatus }) => ResourceStatus !== 'DELETE_COMPLETE')
    .map((each) => ({
      id: each.LogicalResourceId ?? '',
      name: each.PhysicalResourceId ?? '',
      type: each.ResourceType ?? '',
    }));
}

async function summariesOf(
  client: CloudFormationClient,
  { id, name }: Pick<StackFacts, 'id' | 'name'>,
): Promise<readonly StackResourceSummary[]> {
  const found: StackResourceSummary[] = [];
  let NextToken: string | undefined;
  do {
    const page = await attempt(`reading the resources of ${name}`, () =>
      client.send(new ListStackResourcesCommand({ StackName: id, NextToken })),
    );
    found.push(...(page.StackResourceSummaries ?? []));
    ({ NextToken } = page);
  } while (NextToken !== undefined);
  return found;
}

/** Names of the Auto Scaling groups among resources. */
export function groupsAmong(resources: readonly StackResource[]): string[] {
  return resources
    .filter(({ type, name }) => type === GROUP && name !== '')
    .map(({ name }) => name);
}

/** The text of a stack's template. */
export async function templateOf(
  client: CloudFormationClient,
  { id, name }: Pick<StackFacts, 'id' | 'name'>,
): Promise<string> {
  const answer = await attempt(`reading the template of ${name}`, () =>
    client.send(new GetTemplateCommand({ StackName: id })),
  );
  return answer.TemplateBody ?? '';
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
  stack: StackFacts,
  { signal, pollMs, progress, retain = [] }: DeleteOptions,
): Promise<ReadonlyMap<string, string>> {
  const { id } = stack;
  const told = new Set((await eventsOf(client, id)).map((event) => event.EventId));
  await attempt('deleting the stack', () =>
    client.send(
      new DeleteStackCommand({
        StackName: id,
        ...(retain.length > 0 ? { RetainResources: [...retain] } : {}),
      }),
    ),
  );
  for (;;) {
    for (const event of (await eventsOf(client, id)).toReversed()) {
      if (told.has(event.EventId)) continue;
      told.add(event.EventId);
      const { LogicalResourceId: name = '', ResourceStatus: status = '' } = event;
      const reason = event.ResourceStatusReason ?? '';
      progress(`${status} ${name}${reason === '' ? '' : `: ${reason}`}`);
    }
    const now = await lookFor(client, id);
    if (now === null || now.StackStatus === 'DELETE_COMPLETE') return new Map();
    if (now.StackStatus === 'DELETE_FAILED')
      return await failuresOf(client, stack, now.StackStatusReason ?? '');
    await setTimeout(pollMs, undefined, { signal });
  }
}

/** What keeps a stack from being deleted: its resources tell it, also where no event was heard; else the stack itself does. */
async function failuresOf(
  client: CloudFormationClient,
  stack: StackFacts,
  reason: string,
): Promise<ReadonlyMap<string, string>> {
  const failed = (await summariesOf(client, stack))
    .filter(({ ResourceStatus }) => ResourceStatus === 'DELETE_FAILED')
    .map((each) => [each.LogicalResourceId ?? '', each.ResourceStatusReason ?? ''] as const);
  return new Map(failed.length > 0 ? failed : [[stack.name, reason]]);
}

/** @throws `DESTROY_STACK_FAILED` */
export function checkDeleted(stack: string, failed: ReadonlyMap<string, string>): void {
  if (failed.size === 0) return;
  const problem = [...failed].map(([name, reason]) => `${name} (${reason})`).join(', ');
  throw appError('DESTROY_STACK_FAILED', { stack, problem });
}

async function eventsOf(client: CloudFormationClient, id: string): Promise<readonly StackEvent[]> {
  try {
    const answer = await client.send(new DescribeStackEventsCommand({ StackName: id }));
    return answer.StackEvents ?? [];
  } catch {
    // Events are for people; the status decides, and the resources say why.
    return [];
  }
}
