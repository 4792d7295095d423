import { describe, test } from 'vitest';
import {
  clientTokenOf,
  CONTAINER_NAME,
  MAX_OVERRIDES_CHARS,
} from '../../../../runtime/backends/aws/contract.ts';
import {
  instanceToken,
  overridesChars,
  planRun,
  taskToken,
  toRunTask,
  workTaskOf,
} from '../../../../runtime/backends/aws/launcher/task-request.ts';
import type { RunRow, TaskTry } from '../../../../runtime/backends/aws/launcher/rows.ts';
import type { WorkSpec } from '../../../../runtime/protocol/work-spec.ts';
import { deploymentOf, specOf } from './deployment.ts';

const deployment = deploymentOf();

const rowOf = (spec: WorkSpec): RunRow => {
  const planned = planRun(deployment, spec, 0);
  if (!planned.ok) throw new Error(planned.message);
  return planned.row;
};

const taskTry: TaskTry = {
  token: 'token',
  number: 0,
  instanceId: 'i-1',
  capacityProvider: 'cp-gpu',
  sentAt: 0,
  answered: false,
};

describe('planning a run', () => {
  test('a class that was not deployed is refused with what to do', ({ expect }) => {
    const spec = specOf('root.a', { ref: { by: 'export', name: 'Other' } });
    expect(planRun(deployment, spec, 0)).toMatchObject({
      ok: false,
      reason: 'not_declared',
      message: expect.stringContaining('deploy again'),
    });
  });

  test('a work that no process can rebuild is refused', ({ expect }) => {
    const { ref: _, ...spec } = specOf('root.a');
    expect(planRun(deployment, spec, 0)).toMatchObject({ ok: false, reason: 'not_declared' });
  });

  test('an image that no task definition has is refused', ({ expect }) => {
    const build = { requirements: [], image: 'other', dockerfile: null, buildCommands: [] };
    expect(planRun(deployment, specOf('root.a', { build }), 0)).toMatchObject({
      ok: false,
      reason: 'not_declared',
      message: expect.stringContaining('construct one like it'),
    });
  });

  test.for([
    [{ name: 'p5.48xlarge' }, `new CloudCompute({ instanceType: 'p5.48xlarge' })`],
    [
      { name: 'gpu-fast', interruptible: true },
      `new CloudCompute('gpu-fast', { interruptible: true })`,
    ],
    [
      { name: 'p5.48xlarge', interruptible: true },
      `new CloudCompute({ instanceType: 'p5.48xlarge', interruptible: true })`,
    ],
  ] as const)(
    'hardware that was not deployed is refused with the line to add',
    ([hardware, line], { expect }) => {
      const spec = specOf('root.a');
      const planned = planRun(
        deployment,
        { ...spec, hardware: { ...spec.hardware, ...hardware } },
        0,
      );
      expect(planned).toMatchObject({ ok: false, reason: 'not_declared' });
      expect(planned).toHaveProperty('message', expect.stringContaining(line));
    },
  );

  test('overrides that ECS would refuse are refused before anything is paid for', ({ expect }) => {
    const planned = planRun(deployment, specOf(`root.${'x'.repeat(9_000)}`), 0);
    expect(planned).toMatchObject({ ok: false, reason: 'too large' });
  });

  test.for([
    ['a short one', 'ü'.repeat(128), true],
    ['one of many bytes', '名'.repeat(128), false],
  ] as const)(
    'a name makes a key that DynamoDB takes, or is refused: %s',
    ([, key, fits], { expect }) => {
      const planned = planRun(deployment, specOf(`root.extra.${key}`), 0);
      if (fits) expect(planned.ok).toBe(true);
      else
        expect(planned).toMatchObject({
          ok: false,
          reason: 'too large',
          message: expect.stringMatching(/makes a key of DynamoDB that is \d+ bytes too long/u),
        });
    },
  );

  test('the longest name that a Dict key allows fits into the overrides', ({ expect }) => {
    const work = `root.extra.${'ü'.repeat(128)}`;
    expect(overridesChars(deployment, rowOf(specOf(work)))).toBeLessThan(MAX_OVERRIDES_CHARS / 2);
  });

  test('a dedicated GPU is reserved; works of a group see all GPUs of their machine', ({
    expect,
  }) => {
    const alone = rowOf(specOf('root.a'));
    expect(alone).toMatchObject({ owner: 'work:root.a', gpus: 1, sharesGpus: false });
    const together = rowOf(specOf('root.a', { colocationGroupId: 'pair' }));
    expect(together).toMatchObject({ owner: 'group:pair', gpus: 0, sharesGpus: true });
    expect(together.memoryMiB).toBeLessThan(alone.memoryMiB / 2);
    const [override] = toRunTask(deployment, together, taskTry).overrides?.containerOverrides ?? [];
    expect(override?.environment).toContainEqual({ name: 'NVIDIA_VISIBLE_DEVICES', value: 'all' });
  });
});

describe('RunTask', () => {
  const row = rowOf(specOf('root.a'));

  test('names the run, its machine and its reservation, never a payload', ({ expect }) => {
    const input = toRunTask(deployment, row, taskTry);
    expect(input).toMatchObject({
      clientToken: 'token',
      startedBy: 'stormkite/demo',
      count: 1,
      capacityProviderStrategy: [{ capacityProvider: 'cp-gpu', weight: 1 }],
      placementConstraints: [{ type: 'memberOf', expression: 'ec2InstanceId == i-1' }],
    });
    expect(input).not.toHaveProperty('launchType');
    expect(input).not.toHaveProperty('networkConfiguration');
    expect(input.overrides?.containerOverrides).toMatchObject([
      {
        name: CONTAINER_NAME,
        cpu: 4_096,
        resourceRequirements: [{ type: 'GPU', value: '1' }],
      },
    ]);
  });

  test('a task tells whose it is', ({ expect }) => {
    const { overrides } = toRunTask(deployment, row, taskTry);
    expect(workTaskOf({ overrides })).toMatchObject({ app: 'demo', work: 'root.a', epoch: 1 });
    expect(workTaskOf({})).toBeNull();
    const environment = [{ name: 'STORMKITE_WORK_TASK', value: '{' }];
    expect(workTaskOf({ overrides: { containerOverrides: [{ environment }] } })).toBeNull();
  });

  test('tokens are the same for the same try, and others for others', ({ expect }) => {
    expect(taskToken('demo', row, 0)).toBe(clientTokenOf('demo', 'root.a', 1));
    const place = { autoScalingGroup: 'g', subnet: 's', round: 0 };
    const tokens = [
      taskToken('demo', row, 0),
      taskToken('demo', row, 1),
      taskToken('demo', { ...row, epoch: 2 }, 1),
      instanceToken('demo', row, place),
      instanceToken('demo', row, { ...place, round: 1 }),
      instanceToken('demo', row, { ...place, subnet: 't' }),
    ];
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(instanceToken('demo', row, place)).toBe(instanceToken('demo', row, place));
  });
});
