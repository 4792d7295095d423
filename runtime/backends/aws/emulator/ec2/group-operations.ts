/** The Auto Scaling API. */
import { z } from 'zod';
import type { EmulatorContext } from '../context.ts';
import { operationOf, pageOf, type Operations } from '../operation.ts';
import { ServiceError } from '../service-error.ts';
import type { Activity, Group } from './group.ts';
import {
  checkSizes,
  count,
  createGroupInput,
  machinesOf,
  name,
  subnetsNamed,
  texts,
  toGroup,
  truth,
  updateGroupInput,
} from './group-input.ts';
import { launchInstancesOperation } from './launch-instances.ts';
import type { Groups } from './groups.ts';
import type { Instance, Instances } from './instances.ts';
import type { Subnet } from './subnets.ts';

const autoScaling = operationOf('autoscaling');

const MAX_PAGE = 100;
const byName = z.object({ AutoScalingGroupName: name });
const processes = byName.extend({ ScalingProcesses: z.array(z.string()).min(1) });

export function groupOperations(
  context: EmulatorContext,
  groups: Groups,
  instances: Instances,
  subnets: readonly Subnet[],
): Operations {
  return {
    CreateAutoScalingGroup: autoScaling(createGroupInput, (input) => {
      groups.add(toGroup(input, context, subnets));
      return {};
    }),
    UpdateAutoScalingGroup: autoScaling(updateGroupInput, (input) => {
      const group = groups.get(input.AutoScalingGroupName);
      const min = input.MinSize ?? group.minSize;
      const max = input.MaxSize ?? group.maxSize;
      const desired = input.DesiredCapacity ?? Math.min(Math.max(group.desired, min), max);
      checkSizes(min, max, desired);
      const machines = machinesOf(input.MixedInstancesPolicy, context.instanceTypes);
      // Only for instances to come.
      group.types = machines.types ?? group.types;
      group.market = machines.market ?? group.market;
      group.minSize = min;
      group.maxSize = max;
      if (input.VPCZoneIdentifier !== undefined)
        group.subnets = subnetsNamed(input.VPCZoneIdentifier, subnets);
      group.protectsNew = input.NewInstancesProtectedFromScaleIn ?? group.protectsNew;
      groups.setDesired(group, desired);
      return {};
    }),
    DescribeAutoScalingGroups: autoScaling(
      z.object({
        AutoScalingGroupNames: texts,
        MaxRecords: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
        NextToken: z.string().optional(),
      }),
      ({ AutoScalingGroupNames: names, MaxRecords, NextToken }) => {
        const found = groups.all.filter(
          (group) => names.length === 0 || names.includes(group.name),
        );
        const { page, nextToken } = pageOf(found, NextToken, MaxRecords);
        return {
          AutoScalingGroups: page.map((group) => describe(group, instances)),
          NextToken: nextToken,
        };
      },
    ),
    SetDesiredCapacity: autoScaling(byName.extend({ DesiredCapacity: count }), (input) => {
      const group = groups.get(input.AutoScalingGroupName);
      const { DesiredCapacity: desired } = input;
      if (desired > group.maxSize)
        throw new ServiceError(
          'ValidationError',
          `New SetDesiredCapacity value ${desired} is above max value ${group.maxSize} for the AutoScalingGroup.`,
        );
      if (desired < group.minSize)
        throw new ServiceError(
          'ValidationError',
          `New SetDesiredCapacity value ${desired} is below min value ${group.minSize} for the AutoScalingGroup.`,
        );
      groups.setDesired(group, desired);
      return {};
    }),
    LaunchInstances: launchInstancesOperation(groups, subnets),
    TerminateInstanceInAutoScalingGroup: autoScaling(
      z.object({ InstanceId: z.string(), ShouldDecrementDesiredCapacity: truth }),
      ({ InstanceId, ShouldDecrementDesiredCapacity: decrement }) => {
        const group = groups.groupOf(InstanceId);
        if (decrement && group.desired <= group.minSize)
          throw new ServiceError(
            'ValidationError',
            `Currently, desiredSize equals minSize (${group.minSize}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.`,
          );
        const activity = groups.terminate(group, instances.get(InstanceId), decrement);
        return { Activity: toActivity(group, activity) };
      },
    ),
    SetInstanceProtection: autoScaling(
      byName.extend({ InstanceIds: z.array(z.string()).min(1), ProtectedFromScaleIn: truth }),
      (input) => {
        const group = groups.get(input.AutoScalingGroupName);
        const members = new Set(groups.members(group).map(({ id }) => id));
        for (const id of input.InstanceIds)
          if (!members.has(id))
            throw new ServiceError(
              'ValidationError',
              `The instance ${id} is not part of Auto Scaling group ${group.name}.`,
            );
        for (const id of input.InstanceIds)
          if (input.ProtectedFromScaleIn) group.guarded.add(id);
          else group.guarded.delete(id);
        return {};
      },
    ),
    SuspendProcesses: autoScaling(processes, (input) => {
      const { suspended } = groups.get(input.AutoScalingGroupName);
      for (const process of input.ScalingProcesses) suspended.add(process);
      return {};
    }),
    ResumeProcesses: autoScaling(processes, (input) => {
      const group = groups.get(input.AutoScalingGroupName);
      for (const process of input.ScalingProcesses) group.suspended.delete(process);
      groups.reconcile(group);
      return {};
    }),
    DescribeScalingActivities: autoScaling(
      z.object({
        AutoScalingGroupName: name.optional(),
        MaxRecords: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
        NextToken: z.string().optional(),
      }),
      ({ AutoScalingGroupName: wanted, MaxRecords, NextToken }) => {
        const found = (wanted === undefined ? groups.all : [groups.get(wanted)]).flatMap((group) =>
          group.activities.map((activity) => toActivity(group, activity)),
        );
        const { page, nextToken } = pageOf(found, NextToken, MaxRecords);
        return { Activities: page, NextToken: nextToken };
      },
    ),
    DeleteAutoScalingGroup: autoScaling(
      byName.extend({ ForceDelete: truth.default(false) }),
      (input) => {
        const group = groups.get(input.AutoScalingGroupName);
        if (!input.ForceDelete && groups.members(group).length > 0)
          throw new ServiceError(
            'ResourceInUse',
            'You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.',
          );
        groups.remove(group);
        return {};
      },
    ),
  };
}

function describe(group: Group, instances: Instances): object {
  const members = instances.all.filter(
    (instance) => instance.group === group.name && instance.state !== 'terminated',
  );
  return {
    AutoScalingGroupName: group.name,
    AutoScalingGroupARN: group.arn,
    MinSize: group.minSize,
    MaxSize: group.maxSize,
    DesiredCapacity: group.desired,
    DefaultCooldown: 300,
    AvailabilityZones: group.subnets.map(({ zone }) => zone),
    HealthCheckType: 'EC2',
    HealthCheckGracePeriod: 0,
    Instances: members.map((instance) => ({
      InstanceId: instance.id,
      InstanceType: instance.type.name,
      AvailabilityZone: instance.subnet.zone,
      LifecycleState: lifecycleOf(instance.state),
      HealthStatus: 'Healthy',
      ProtectedFromScaleIn: group.guarded.has(instance.id),
    })),
    CreatedTime: new Date(group.createdAt),
    VPCZoneIdentifier: group.subnets.map(({ id }) => id).join(','),
    Tags: Object.entries(group.tags).map(([Key, Value]) => ({
      ResourceId: group.name,
      ResourceType: 'auto-scaling-group',
      Key,
      Value,
      PropagateAtLaunch: true,
    })),
    NewInstancesProtectedFromScaleIn: group.protectsNew,
    SuspendedProcesses: [...group.suspended].map((ProcessName) => ({ ProcessName })),
  };
}

function lifecycleOf(state: Instance['state']): string {
  if (state === 'pending') return 'Pending';
  return state === 'running' ? 'InService' : 'Terminating';
}

function toActivity(group: Group, activity: Activity): object {
  const { id, description, cause, startedAt, endedAt, status, message } = activity;
  return {
    ActivityId: id,
    AutoScalingGroupName: group.name,
    Description: description,
    Cause: cause,
    StartTime: new Date(startedAt),
    EndTime: endedAt === null ? undefined : new Date(endedAt),
    StatusCode: status,
    StatusMessage: message,
    Progress: status === 'InProgress' ? 50 : 100,
    AutoScalingGroupARN: group.arn,
  };
}
