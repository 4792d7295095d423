/** The EC2 API: instances, subnets, spot prices. */
import { z } from 'zod';
import type { EmulatorContext } from '../context.ts';
import { ACCOUNT_ID, resourceId } from '../ids.ts';
import { operationOf, type Operations } from '../operation.ts';
import { ServiceError } from '../service-error.ts';
import type { Instance, Instances } from './instances.ts';
import { spotDollarsPerHour } from './spot-prices.ts';
import type { Subnet } from './subnets.ts';

const ec2 = operationOf('ec2');

/** How long ended instances are still described, as EC2 does for about an hour. */
const TERMINATED_VISIBLE_MS = 3_600_000;

const STATE_CODES = { pending: 0, running: 16, 'shutting-down': 32, terminated: 48 } as const;

const texts = z.array(z.string()).default([]);
const filters = z.array(z.object({ Name: z.string(), Value: texts })).default([]);

export function ec2Operations(
  { clock, billing, instanceTypes }: EmulatorContext,
  instances: Instances,
  subnets: readonly Subnet[],
): Operations {
  const visible = (instance: Instance): boolean => {
    const ended = billing.records.find(({ id }) => id === instance.id)?.endedAt ?? null;
    return ended === null || clock.now() - ended < TERMINATED_VISIBLE_MS;
  };
  return {
    DescribeInstances: ec2(z.object({ InstanceId: texts, Filter: filters }), (input) => {
      const asked =
        input.InstanceId.length > 0
          ? input.InstanceId.map((id) => instances.get(id))
          : instances.all.filter(visible);
      const found = asked.filter((instance) =>
        matches(input.Filter, (name) => valueOf(instance, name)),
      );
      return { reservationSet: found.map(toReservation) };
    }),
    TerminateInstances: ec2(z.object({ InstanceId: z.array(z.string()).min(1) }), (input) => {
      const ended = input.InstanceId.map((id) => {
        const instance = instances.get(id);
        const before = stateOf(instance);
        instances.terminate(instance, 'Client.UserInitiatedShutdown: User initiated shutdown');
        return { instanceId: id, currentState: stateOf(instance), previousState: before };
      });
      return { instancesSet: ended };
    }),
    DescribeSubnets: ec2(z.object({ SubnetId: texts, Filter: filters }), (input) => {
      for (const id of input.SubnetId)
        if (!subnets.some((subnet) => subnet.id === id))
          throw new ServiceError(
            'InvalidSubnetID.NotFound',
            `The subnet ID '${id}' does not exist`,
          );
      const found = subnets
        .filter(({ id }) => input.SubnetId.length === 0 || input.SubnetId.includes(id))
        .filter((subnet) => matches(input.Filter, (name) => subnetValueOf(subnet, name)));
      return { subnetSet: found.map(toSubnet) };
    }),
    DescribeSpotPriceHistory: ec2(
      z.object({
        InstanceType: texts,
        ProductDescription: texts,
        AvailabilityZone: z.string().optional(),
      }),
      (input) => ({
        spotPriceHistorySet: input.InstanceType.map((name) => instanceTypes.get(name)).flatMap(
          (type) =>
            subnets
              .filter(({ zone }) => zone === (input.AvailabilityZone ?? zone))
              .map(({ zone, zoneId }) => ({
                instanceType: type.name,
                productDescription: input.ProductDescription[0] ?? 'Linux/UNIX',
                spotPrice: spotDollarsPerHour(type).toFixed(6),
                timestamp: new Date(clock.now()),
                availabilityZone: zone,
                availabilityZoneId: zoneId,
              })),
        ),
      }),
    ),
  };
}

function matches(wanted: z.output<typeof filters>, valueOf: (name: string) => string): boolean {
  return wanted.every(({ Name, Value }) => Value.includes(valueOf(Name)));
}

function valueOf(instance: Instance, name: string): string {
  if (name === 'instance-state-name') return instance.state;
  if (name === 'instance-id') return instance.id;
  if (name === 'instance-type') return instance.type.name;
  if (name === 'subnet-id') return instance.subnet.id;
  if (name === 'availability-zone') return instance.subnet.zone;
  if (name.startsWith('tag:')) return tagsOf(instance)[name.slice('tag:'.length)] ?? '';
  throw unknownFilter(name);
}

function subnetValueOf(subnet: Subnet, name: string): string {
  if (name === 'subnet-id') return subnet.id;
  if (name === 'vpc-id') return subnet.vpcId;
  if (name === 'availability-zone') return subnet.zone;
  throw unknownFilter(name);
}

function unknownFilter(name: string): ServiceError {
  return new ServiceError('InvalidParameterValue', `The filter '${name}' is invalid`);
}

function tagsOf({ group, tags }: Instance): Readonly<Record<string, string>> {
  return { 'aws:autoscaling:groupName': group, ...tags };
}

function stateOf({ state }: Instance): object {
  return { code: STATE_CODES[state], name: state };
}

function toReservation(instance: Instance): object {
  return {
    reservationId: resourceId('r'),
    ownerId: ACCOUNT_ID,
    groupSet: [],
    instancesSet: [toInstance(instance)],
  };
}

/** Tasks are processes of this machine, so every instance is at the loopback address, inside and outside. */
function toInstance(instance: Instance): object {
  const { id, type, market, subnet, launchedAt, state, stateReason } = instance;
  const isUp = state === 'pending' || state === 'running';
  const address = isUp ? '127.0.0.1' : undefined;
  return {
    instanceId: id,
    imageId: 'ami-00000000000000000',
    instanceState: stateOf(instance),
    privateDnsName: isUp ? 'localhost' : '',
    dnsName: isUp ? 'localhost' : '',
    reason: stateReason,
    instanceType: type.name,
    launchTime: new Date(launchedAt),
    placement: { availabilityZone: subnet.zone, tenancy: 'default' },
    subnetId: isUp ? subnet.id : undefined,
    vpcId: isUp ? subnet.vpcId : undefined,
    privateIpAddress: address,
    ipAddress: address,
    instanceLifecycle: market === 'spot' ? 'spot' : undefined,
    stateReason: isUp ? undefined : { code: stateReason.split(':')[0] ?? '', message: stateReason },
    tagSet: Object.entries(tagsOf(instance)).map(([key, value]) => ({ key, value })),
  };
}

function toSubnet({ id, vpcId, zone, zoneId, cidr }: Subnet): object {
  return {
    subnetId: id,
    vpcId,
    state: 'available',
    availabilityZone: zone,
    availabilityZoneId: zoneId,
    cidrBlock: cidr,
    availableIpAddressCount: 251,
    mapPublicIpOnLaunch: true,
    ownerId: ACCOUNT_ID,
  };
}
