/** What the Auto Scaling API takes; numbers and truths come as text. */
import { z } from 'zod';
import type { EmulatorContext } from '../context.ts';
import { ServiceError } from '../service-error.ts';
import type { Group } from './group.ts';
import type { InstanceTypes } from './instance-types.ts';
import type { Subnet } from './subnets.ts';

export const count = z.coerce.number().int().min(0);
export const truth = z.enum(['true', 'false']).transform((text) => text === 'true');
/** SDKs write an empty list as an empty text. */
export const texts = z
  .preprocess((value) => (value === '' ? [] : value), z.array(z.string()))
  .default([]);
export const name = z.string().min(1).max(255);

const tags = z
  .array(z.looseObject({ Key: z.string(), Value: z.string().default('') }))
  .default([])
  .transform((list) => Object.fromEntries(list.map(({ Key, Value }) => [Key, Value])));

const mixedInstancesPolicy = z
  .looseObject({
    LaunchTemplate: z
      .looseObject({
        Overrides: z.array(z.looseObject({ InstanceType: z.string().optional() })).default([]),
      })
      .optional(),
    InstancesDistribution: z
      .looseObject({
        OnDemandBaseCapacity: count.default(0),
        OnDemandPercentageAboveBaseCapacity: count.default(100),
      })
      .optional(),
  })
  .optional();

export const createGroupInput = z.object({
  AutoScalingGroupName: name,
  MinSize: count,
  MaxSize: count,
  DesiredCapacity: count.optional(),
  VPCZoneIdentifier: z.string().optional(),
  NewInstancesProtectedFromScaleIn: truth.default(false),
  MixedInstancesPolicy: mixedInstancesPolicy,
  Tags: tags,
});

export const updateGroupInput = z.object({
  AutoScalingGroupName: name,
  MinSize: count.optional(),
  MaxSize: count.optional(),
  DesiredCapacity: count.optional(),
  VPCZoneIdentifier: z.string().optional(),
  NewInstancesProtectedFromScaleIn: truth.optional(),
  MixedInstancesPolicy: mixedInstancesPolicy,
});

/** What a policy says of the machines to come; without a member, nothing. */
export function machinesOf(
  policy: z.output<typeof mixedInstancesPolicy>,
  instanceTypes: InstanceTypes,
): Partial<Pick<Group, 'types' | 'market'>> {
  const names = (policy?.LaunchTemplate?.Overrides ?? []).flatMap(({ InstanceType }) =>
    InstanceType === undefined ? [] : [InstanceType],
  );
  const spread = policy?.InstancesDistribution;
  const isSpot =
    spread?.OnDemandPercentageAboveBaseCapacity === 0 && spread.OnDemandBaseCapacity === 0;
  return {
    ...(names.length === 0 ? {} : { types: names.map((type) => instanceTypes.get(type)) }),
    ...(spread === undefined ? {} : { market: isSpot ? 'spot' : 'on-demand' }),
  };
}

/** Makes a group from what `CreateAutoScalingGroup` was given. */
export function toGroup(
  input: z.output<typeof createGroupInput>,
  { arns, clock, instanceTypes }: EmulatorContext,
  subnets: readonly Subnet[],
): Group {
  const { MinSize, MaxSize, DesiredCapacity = MinSize } = input;
  checkSizes(MinSize, MaxSize, DesiredCapacity);
  const { types, market = 'on-demand' } = machinesOf(input.MixedInstancesPolicy, instanceTypes);
  if (types === undefined)
    throw new ServiceError(
      'ValidationError',
      'The emulator has no launch templates: give the instance types in MixedInstancesPolicy.LaunchTemplate.Overrides.',
    );
  return {
    name: input.AutoScalingGroupName,
    arn: arns.autoScalingGroup(input.AutoScalingGroupName),
    createdAt: clock.now(),
    types,
    market,
    tags: input.Tags,
    subnets: subnetsNamed(input.VPCZoneIdentifier, subnets),
    minSize: MinSize,
    maxSize: MaxSize,
    desired: DesiredCapacity,
    protectsNew: input.NewInstancesProtectedFromScaleIn,
    guarded: new Set(),
    suspended: new Set(),
    activities: [],
    isDeleting: false,
  };
}

/** Subnets of a comma-separated list; all without one. */
export function subnetsNamed(
  list: string | undefined,
  subnets: readonly Subnet[],
): readonly Subnet[] {
  if (list === undefined || list === '') return subnets;
  return list.split(',').map((id) => {
    const found = subnets.find((subnet) => subnet.id === id.trim());
    if (found === undefined)
      throw new ServiceError('ValidationError', `The subnet ID '${id.trim()}' does not exist`);
    return found;
  });
}

export function checkSizes(min: number, max: number, desired: number): void {
  if (min > max)
    throw new ServiceError(
      'ValidationError',
      'Max bound, MaxSize, must be greater than or equal to min bound, MinSize',
    );
  if (desired < min || desired > max)
    throw new ServiceError(
      'ValidationError',
      `Desired capacity:${desired} must be between the specified min size:${min} and max size:${max}`,
    );
}
