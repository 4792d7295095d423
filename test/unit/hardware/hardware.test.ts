import { describe, test } from 'vitest';
import { BuildConfig, CloudCompute } from 'stormkite';
import { hardwareClasses } from '../../../runtime/hardware/catalogue.ts';
import { codeOf } from '../state/code-of.ts';

describe('CloudCompute', () => {
  test('is the shared default unless it is told otherwise', ({ expect }) => {
    expect(new CloudCompute()).toMatchObject({
      name: 'default',
      instanceType: null,
      diskSize: 0,
      idleTimeoutMs: undefined,
      shmSize: 0,
      mounts: [],
      colocationGroupId: null,
      interruptible: false,
      gpus: 0,
    });
  });

  test('knows the GPUs of its classes and instance types', ({ expect }) => {
    const gpus = Object.keys(hardwareClasses).map((name) => [name, new CloudCompute(name).gpus]);
    expect(Object.fromEntries(gpus)).toEqual({
      default: 0,
      'cpu-small': 0,
      'cpu-medium': 0,
      gpu: 1,
      'gpu-fast': 1,
      'gpu-fast-multi': 4,
    });
    for (const [instanceType, count] of [
      ['g6e.xlarge', 1],
      ['p5.48xlarge', 8],
      ['g5.12xlarge', 4],
      ['g4dn.metal', 8],
      ['m7i.large', 0],
      ['gr6.4xlarge', 1],
    ] as const) {
      expect(new CloudCompute({ instanceType }).gpus, instanceType).toBe(count);
    }
  });

  test('refuses names and values that cannot be', ({ expect }) => {
    expect(codeOf(() => new CloudCompute('huge'))).toBe('HARDWARE_UNKNOWN');
    expect(codeOf(() => new CloudCompute('toString'))).toBe('HARDWARE_UNKNOWN');
    for (const options of [
      { idleTimeout: 'soon' },
      { diskSize: -1 },
      { diskSize: Number.NaN },
      { shmSize: '1 GB' },
      { mounts: [{ source: 's3://bucket' }] },
      { interruptible: 'yes' },
      { colocationGroupId: 5 },
    ]) {
      expect(
        codeOf(() => new CloudCompute('gpu', options as never)),
        JSON.stringify(options),
      ).toBe('APP_OPTION_INVALID');
    }
    expect(codeOf(() => new CloudCompute({ instanceType: '' }))).toBe('APP_OPTION_INVALID');
    expect(codeOf(() => new CloudCompute({ instanceType: 'G5 large' }))).toBe('APP_OPTION_INVALID');
  });

  test('comes back from JSON as it was', ({ expect }) => {
    for (const compute of [
      new CloudCompute(),
      new CloudCompute('gpu', { idleTimeout: null }),
      new CloudCompute('gpu', {
        idleTimeout: '90 s',
        diskSize: 10,
        shmSize: 64,
        interruptible: true,
        colocationGroupId: 'a',
      }),
      new CloudCompute({
        instanceType: 'g6e.xlarge',
        mounts: [{ source: 's3://bucket/data', mountPath: '/data' }],
      }),
    ]) {
      const json: unknown = JSON.parse(JSON.stringify(compute));
      expect(CloudCompute.fromJSON(json)).toEqual(compute);
      expect(BuildConfig.fromJSON(json)).toBeUndefined();
    }
    for (const other of [null, 5, {}, { type: 'x' }, []])
      expect(CloudCompute.fromJSON(other)).toBeUndefined();
  });
});

describe('BuildConfig', () => {
  test('comes back from JSON as it was', ({ expect }) => {
    for (const config of [
      new BuildConfig(),
      new BuildConfig({
        requirements: ['a@1'],
        image: 'node',
        dockerfile: 'Dockerfile',
        buildCommands: ['ls'],
      }),
    ]) {
      const json: unknown = JSON.parse(JSON.stringify(config));
      expect(BuildConfig.fromJSON(json)).toEqual(config);
      expect(CloudCompute.fromJSON(json)).toBeUndefined();
    }
  });

  test('refuses values that cannot be', ({ expect }) => {
    for (const options of [
      { requirements: 'lodash' },
      { image: 5 },
      { buildCommands: [1] },
      { dockerfile: {} },
    ]) {
      expect(
        codeOf(() => new BuildConfig(options as never)),
        JSON.stringify(options),
      ).toBe('APP_OPTION_INVALID');
    }
  });
});
