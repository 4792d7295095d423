import { describe, test } from 'vitest';
import type { CapacityPool } from '../../../../runtime/backends/aws/contract.ts';
import {
  decideCapacity,
  placesOf,
  type CapacityView,
  type MachineSight,
  type Room,
} from '../../../../runtime/backends/aws/launcher/capacity.ts';
import {
  explainActivity,
  explainFull,
  explainProblems,
  quotaOf,
} from '../../../../runtime/backends/aws/launcher/explain.ts';

const pool = (name: string, type: string, market: CapacityPool['market'] = 'on-demand') =>
  ({
    autoScalingGroup: name,
    capacityProvider: `cp-${name}`,
    instanceTypes: [type],
    market,
    maxInstances: 4,
  }) satisfies CapacityPool;

const pools = [pool('first', 'g5.2xlarge'), pool('second', 'g6.2xlarge')];
const places = placesOf(pools, ['subnet-a', 'subnet-b']);
const need: Room = { cpuUnits: 1_024, memoryMiB: 3_000, gpus: 0 };
const whole: Room = { cpuUnits: 2_048, memoryMiB: 7_500, gpus: 0 };
const nothing: Room = { cpuUnits: 0, memoryMiB: 0, gpus: 0 };

const machine = (
  instanceId: string,
  more: Partial<MachineSight['row']> & Partial<Omit<MachineSight, 'row'>> = {},
): MachineSight => {
  const { owner = 'work:root.a', state = 'ready', ...rest } = more;
  return {
    row: { instanceId, owner, state },
    free: whole,
    total: whole,
    closed: false,
    empty: true,
    ...rest,
  };
};

const decide = (view: Partial<CapacityView>) =>
  decideCapacity({
    owner: 'work:root.a',
    need,
    machines: [],
    places,
    index: 0,
    useless: () => false,
    othersStart: false,
    ...view,
  });

describe('decideCapacity', () => {
  test('pools are tried in their order, each in all subnets', ({ expect }) => {
    const tried = places.map((_, index) => {
      const decision = decide({ index });
      return decision.do === 'start'
        ? `${decision.place.pool.autoScalingGroup} ${decision.place.subnet}`
        : decision.do;
    });
    expect(tried).toEqual([
      'first subnet-a',
      'first subnet-b',
      'second subnet-a',
      'second subnet-b',
    ]);
    expect(decide({ index: places.length })).toEqual({ do: 'later' });
  });

  test('places that are known to be useless are left out', ({ expect }) => {
    const useless: CapacityView['useless'] = (place) => place.pool.autoScalingGroup === 'first';
    expect(decide({ useless })).toMatchObject({ do: 'start', index: 2 });
    expect(decide({ useless: () => true })).toEqual({ do: 'later' });
  });

  test('a machine of its own is used, ready before booting', ({ expect }) => {
    const machines = [machine('i-boots', { state: 'booting' }), machine('i-ready')];
    expect(decide({ machines })).toEqual({ do: 'use', instanceId: 'i-ready' });
  });

  test("nobody's machine is used before another one is started, after its own", ({ expect }) => {
    const nobodys = machine('i-found', { owner: 'nobody' });
    expect(decide({ machines: [nobodys] })).toEqual({ do: 'use', instanceId: 'i-found' });
    expect(decide({ machines: [nobodys, machine('i-own')] })).toMatchObject({
      instanceId: 'i-own',
    });
  });

  test.for([
    ['of another work', { owner: 'work:root.b' }],
    ['that is given back', { state: 'releasing' as const }],
    ['that takes no task', { closed: true }],
  ])('a machine %s is not used', ([, more], { expect }) => {
    const { do: done } = decide({ machines: [machine('i-1', more as object)] });
    expect(done).toBe('start');
  });

  test('a dedicated machine that is still in use is waited for', ({ expect }) => {
    const machines = [machine('i-1', { free: nothing, empty: false })];
    expect(decide({ machines })).toMatchObject({ do: 'wait', pending: { reason: 'capacity' } });
  });

  test('a full shared machine leads to another one', ({ expect }) => {
    const machines = [machine('i-1', { owner: 'shared', free: nothing, empty: false })];
    expect(decide({ owner: 'shared', machines })).toMatchObject({ do: 'start' });
  });

  test('a shared machine that is being started is waited for', ({ expect }) => {
    expect(decide({ owner: 'shared', othersStart: true })).toMatchObject({ do: 'wait' });
  });

  test('what does not fit on an empty machine is refused, and told what lacks', ({ expect }) => {
    const decision = decide({
      need: { ...need, memoryMiB: 9_000 },
      machines: [machine('i-1')],
    });
    expect(decision).toMatchObject({ do: 'refuse', pending: { reason: 'too large' } });
    expect(decision).toHaveProperty('pending.message', expect.stringContaining('9000 MiB of 7500'));
  });
});

describe('why no machine can be had', () => {
  const [place] = places;
  const problem = (code: string) => ({ place: place!, code, message: '' });

  test('a quota is named with its code, whatever else failed', ({ expect }) => {
    const pending = explainProblems(
      [problem('InsufficientInstanceCapacity'), problem('VcpuLimitExceeded')],
      30_000,
    );
    expect(pending.reason).toBe('quota');
    expect(pending.message).toContain('L-DB2E81BA');
    expect(pending.message).toContain('trying again in 30 s');
  });

  test('no capacity names the types and the subnets', ({ expect }) => {
    const pending = explainProblems(
      places.map((each) => ({ place: each, code: 'InsufficientInstanceCapacity', message: '' })),
      1_000,
    );
    expect(pending).toEqual({
      reason: 'capacity',
      message:
        'AWS has no g5.2xlarge or g6.2xlarge free in subnet-a, subnet-b; trying again in 1 s',
    });
  });

  test('a missing permission comes first', ({ expect }) => {
    const problems = [problem('VcpuLimitExceeded'), problem('UnauthorizedOperation')];
    expect(explainProblems(problems, 1_000).reason).toBe('iam');
  });

  test('another problem is told in the words of AWS', ({ expect }) => {
    expect(explainProblems([problem('InvalidAMIID')], 1_000).message).toContain('InvalidAMIID');
  });

  test.for<[string, CapacityPool['market'], string]>([
    ['g4dn.xlarge', 'on-demand', 'L-DB2E81BA'],
    ['g4dn.xlarge', 'spot', 'L-3819A6DF'],
    ['p4d.24xlarge', 'on-demand', 'L-417A185B'],
    ['p4d.24xlarge', 'spot', 'L-7212CCBC'],
    ['m7i.large', 'on-demand', 'L-1216C47A'],
    ['t3.large', 'spot', 'L-34B43A08'],
  ])('the quota of %s (%s) is %s', ([type, market, code], { expect }) => {
    expect(quotaOf(pool('any', type, market)).code).toBe(code);
  });

  test.for([
    ['Launching a new EC2 instance. Status Reason: VcpuLimitExceeded', 'quota'],
    ['You have requested more vCPU capacity than your current vCPU limit of 0 allows', 'quota'],
    ['We currently do not have sufficient g5.2xlarge capacity in the zone', 'capacity'],
    ['You are not authorized to use launch template lt-1', 'iam'],
  ])('an activity that failed with "%s" is a matter of %s', ([text, reason], { expect }) => {
    expect(explainActivity(pools[0]!, text!)?.reason).toBe(reason);
  });

  test('an activity that explains nothing is left out', ({ expect }) => {
    expect(explainActivity(pools[0]!, 'Instance was taken out of service')).toBeNull();
  });

  test('full groups are named with their limits', ({ expect }) => {
    expect(explainFull(pools).message).toContain('first (4), second (4)');
  });
});
