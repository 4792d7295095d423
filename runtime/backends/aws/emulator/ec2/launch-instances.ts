/** `LaunchInstances`: instances at once, or at once the reasons why not. */
import { z } from 'zod';
import { operationOf, type Operation } from '../operation.ts';
import { ServiceError } from '../service-error.ts';
import type { Group } from './group.ts';
import { name, texts } from './group-input.ts';
import { isLaunched, type Groups, type LaunchAttempt } from './groups.ts';
import type { Instance } from './instances.ts';
import type { Subnet } from './subnets.ts';

/** Instances that one request may ask for. */
const MAX_INSTANCES = 100;

const inputSchema = z.object({
  AutoScalingGroupName: name,
  RequestedCapacity: z.coerce.number().int().min(1).max(MAX_INSTANCES),
  ClientToken: z.string().max(64).optional(),
  AvailabilityZones: texts,
  AvailabilityZoneIds: texts,
  SubnetIds: texts,
  RetryStrategy: z.enum(['none', 'retry-with-group-configuration']).default('none'),
});

type Input = z.output<typeof inputSchema>;

interface Replay {
  readonly input: string;
  readonly output: object;
}

export function launchInstancesOperation(groups: Groups, subnets: readonly Subnet[]): Operation {
  const replays = new Map<string, Replay>();
  return operationOf('autoscaling')(inputSchema, (input) => {
    const group = groups.get(input.AutoScalingGroupName);
    const key = `${group.name} ${input.ClientToken ?? ''}`;
    const text = JSON.stringify(input);
    const replay = input.ClientToken === undefined ? undefined : replays.get(key);
    if (replay !== undefined) {
      if (replay.input === text) return replay.output;
      throw new ServiceError(
        'IdempotentParameterMismatch',
        'The parameters in the current request do not match the parameters from a previous request with the same client token.',
      );
    }
    const output = launch(groups, group, wantedSubnets(group, input, subnets), input);
    if (input.ClientToken !== undefined) replays.set(key, { input: text, output });
    return output;
  });
}

function launch(groups: Groups, group: Group, subnets: readonly Subnet[], input: Input): object {
  const { RequestedCapacity, RetryStrategy, ClientToken } = input;
  const present = groups.members(group).length;
  if (Math.max(present, group.desired) + RequestedCapacity > group.maxSize)
    throw new ServiceError(
      'ValidationError',
      `The requested capacity ${RequestedCapacity} would exceed the max size ${group.maxSize} of the Auto Scaling group ${group.name}.`,
    );
  const cause = 'a user request launched instances with LaunchInstances.';
  const launched: Instance[] = [];
  const failed: LaunchAttempt[] = [];
  for (let left = RequestedCapacity; left > 0; left -= 1) {
    const one = groups.launchOne(group, subnets, cause);
    if (isLaunched(one)) launched.push(one);
    else failed.push(...one);
  }
  group.desired += RetryStrategy === 'none' ? launched.length : RequestedCapacity;
  if (RetryStrategy !== 'none') groups.reconcile(group);
  return {
    AutoScalingGroupName: group.name,
    ClientToken,
    Instances: launched.map(({ id, type, market, subnet }) => ({
      InstanceType: type.name,
      MarketType: market,
      ...place(subnet),
      InstanceIds: [id],
    })),
    Errors: failed.map(({ type, subnet, refusal }) => ({
      InstanceType: type.name,
      MarketType: group.market,
      ...place(subnet),
      ErrorCode: refusal.code,
      ErrorMessage: refusal.message,
    })),
  };
}

function place({ id, zone, zoneId }: Subnet): object {
  return { SubnetId: id, AvailabilityZone: zone, AvailabilityZoneId: zoneId };
}

/** Groups with several zones must be told which one. */
function wantedSubnets(group: Group, input: Input, subnets: readonly Subnet[]): readonly Subnet[] {
  const { AvailabilityZones: zones, AvailabilityZoneIds: zoneIds, SubnetIds: ids } = input;
  const isTold = zones.length + zoneIds.length + ids.length > 0;
  if (!isTold && group.subnets.length > 1)
    throw new ServiceError(
      'ValidationError',
      'Either AvailabilityZones or SubnetIds must be specified for groups with multiple Availability Zone configurations.',
    );
  for (const id of ids)
    if (!group.subnets.some((subnet) => subnet.id === id))
      throw new ServiceError(
        'ValidationError',
        `The subnet ${id} is not configured for the Auto Scaling group ${group.name}${subnets.some((subnet) => subnet.id === id) ? '' : ' and does not exist'}.`,
      );
  return group.subnets.filter(
    (subnet) =>
      (ids.length === 0 || ids.includes(subnet.id)) &&
      (zones.length === 0 || zones.includes(subnet.zone)) &&
      (zoneIds.length === 0 || zoneIds.includes(subnet.zoneId)),
  );
}
