import { describe, test } from 'vitest';
import {
  CONTAINER_PORT,
  classIdOf,
  clientTokenOf,
  hardwareKeyOf,
  startedByOf,
  variantIdOf,
  workKey,
} from '../../../runtime/backends/aws/contract.ts';
import { planDeployment, type PlannedApp } from '../../../runtime/backends/aws/deployment-plan.ts';
import { hardwareClasses } from '../../../runtime/hardware/catalogue.ts';
import { instanceSizeOf } from '../../../runtime/hardware/instance-sizes.ts';

type Work = Extract<PlannedApp['components'][number], { kind: 'work' }>;

const hardware = { name: 'default', diskSize: 0, shmSize: 0, mounts: [], interruptible: false };

function workOf(changes: Partial<Work> = {}): Work {
  return {
    kind: 'work',
    classId: 'Train',
    hardware,
    port: null,
    cloudBuildConfig: { image: null, dockerfile: null, buildCommands: [], requirements: [] },
    secrets: {},
    ignorePatterns: [],
    ...changes,
  };
}

function appOf(works: readonly Work[], listed: PlannedApp['options']['hardware'] = null) {
  return planDeployment({
    components: [{ kind: 'flow' }, ...works],
    workClasses: [{ id: 'Train', class: 'Train' }],
    options: { hardware: listed },
  });
}

describe('planning a deployment', () => {
  test('every named class is there without being asked for', ({ expect }) => {
    const keys = appOf([workOf()]).hardware.map(({ key }) => key);
    expect(keys).toEqual(Object.keys(hardwareClasses));
  });

  test('the hardware of the app limits the named classes to those listed or used', ({ expect }) => {
    const plan = appOf([workOf()], [{ ...hardware, name: 'gpu' }]);
    expect(plan.hardware.map(({ key }) => key)).toEqual(['default', 'gpu']);
  });

  test('spot capacity and instance types are there where they are used', ({ expect }) => {
    const spot = workOf({ hardware: { ...hardware, name: 'gpu', interruptible: true } });
    const big = workOf({ hardware: { ...hardware, name: 'g6e.xlarge', diskSize: 500 } });
    const plan = appOf([spot, big]);
    const of = (key: string) => plan.hardware.find((each) => each.key === key);
    expect(of('gpu-spot')).toMatchObject({
      market: 'spot',
      gpus: 1,
      instanceTypes: ['g4dn.xlarge'],
    });
    expect(of('g6e.xlarge')).toMatchObject({ vcpus: 4, memoryMiB: 32_768, gpus: 1, diskGiB: 500 });
  });

  test('one work takes a machine of its own, but its share of a shared one', ({ expect }) => {
    const plan = appOf([workOf()]);
    const of = (key: string) => plan.hardware.find((each) => each.key === key);
    const shared = of('default');
    expect(shared).toMatchObject({ shared: true, workCpuUnits: 1_024 });
    expect((shared?.workMemoryMiB ?? 0) * 2).toBeLessThan(shared?.memoryMiB ?? 0);
    expect(of('gpu')).toMatchObject({ shared: false, workCpuUnits: 4_096 });
    expect(of('gpu')?.workMemoryMiB).toBeGreaterThan((of('gpu')?.memoryMiB ?? 0) / 2);
  });

  test('a class has a task definition for each way in which its works differ', ({ expect }) => {
    const build = { image: 'me/net:1', dockerfile: null, buildCommands: [], requirements: ['a@1'] };
    const [train] = appOf([
      workOf(),
      workOf({ cloudBuildConfig: build }),
      workOf({ port: 9_000 }),
    ]).classes;
    expect(Object.keys(train?.variants ?? {})).toHaveLength(3);
    expect(train?.variants['default']).toMatchObject({ image: null, port: CONTAINER_PORT });
  });

  test('requirements, secrets and patterns of all works come together', ({ expect }) => {
    const build = { image: null, dockerfile: null, buildCommands: [], requirements: ['b', 'a'] };
    const plan = appOf([
      workOf({ cloudBuildConfig: build, ignorePatterns: ['*.csv'], secrets: { KEY: 'ssm:/k' } }),
      workOf({ cloudBuildConfig: build, ignorePatterns: ['*.csv'], secrets: { KEY: 'env:K' } }),
    ]);
    expect(plan).toMatchObject({ requirements: ['a', 'b'], ignorePatterns: ['*.csv'] });
    expect(plan.classes[0]?.secrets).toEqual(['env:K', 'ssm:/k']);
  });

  test('an instance type of unknown size is refused', ({ expect }) => {
    expect(() => appOf([workOf({ hardware: { ...hardware, name: 'zz9.plural' } })])).toThrow(
      expect.objectContaining({ code: 'HARDWARE_SIZE_UNKNOWN' }),
    );
  });

  test('a Dockerfile, built for x86, is refused on a Graviton machine', ({ expect }) => {
    const cloudBuildConfig = {
      image: null,
      dockerfile: 'Dockerfile',
      buildCommands: [],
      requirements: [],
    };
    const on = (name: string) => [workOf({ cloudBuildConfig, hardware: { ...hardware, name } })];
    expect(() => appOf(on('m7g.large'))).toThrow(
      expect.objectContaining({
        code: 'INFRA_DOCKERFILE_ARM',
        message: expect.stringContaining('Train'),
        hint: expect.stringContaining('m7g.large'),
      }),
    );
    expect(() => appOf(on('m7i.large'))).not.toThrow();
    const others = workOf({ hardware: { ...hardware, name: 'm7g.large' } });
    expect(() => appOf([...on('g4dn.xlarge'), others])).not.toThrow();
  });

  test.for([
    ['m7i.2xlarge', 8, 32],
    ['c6i.large', 2, 4],
    ['r5.xlarge', 4, 32],
    ['g5.12xlarge', 48, 192],
    ['p4d.24xlarge', 96, 1_152],
    ['t3.large', 2, 8],
  ] as const)('%s has %i vCPUs and %i GiB', ([type, vcpus, gib], { expect }) => {
    expect(instanceSizeOf(type)).toMatchObject({ vcpus, memoryMiB: gib * 1_024 });
  });
});

describe('names on AWS', () => {
  test('are within what AWS takes, and unequal for unequal works', ({ expect }) => {
    expect(startedByOf('my.app')).toMatch(/^[A-Za-z0-9/_-]{1,128}$/);
    expect(clientTokenOf('a', 'root.w', 1)).not.toBe(clientTokenOf('a', 'root.w', 2));
    expect(clientTokenOf('a', 'root.w', 1)).toHaveLength(32);
    expect(workKey('Train', 'root.a/b')).toBe('W#Train#root.a%2Fb');
    expect(workKey('Train', 'root.\ud800')).not.toBe(workKey('Train', 'root.\ud801'));
  });

  test('of classes tell exports, listed ones and places apart', ({ expect }) => {
    expect(classIdOf({ by: 'export', name: 'Train' })).toBe('Train');
    expect(classIdOf({ by: 'listed', index: 0 })).toBe('~0');
    expect(classIdOf({ by: 'tree', name: 'root.w' })).toBe('.root.w');
  });

  test('of variants and hardware follow from what differs', ({ expect }) => {
    const plain = { image: null, dockerfile: null, buildCommands: [], shmSize: 0, mounts: [] };
    expect(variantIdOf({ ...plain, port: CONTAINER_PORT })).toBe('default');
    expect(variantIdOf({ ...plain, port: 1 })).not.toBe(variantIdOf({ ...plain, port: 2 }));
    expect(hardwareKeyOf({ name: 'gpu', interruptible: true })).toBe('gpu-spot');
  });
});
