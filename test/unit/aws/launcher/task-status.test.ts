import type { Task } from '@aws-sdk/client-ecs';
import { describe, test } from 'vitest';
import { WORK_EXIT_CODES } from '../../../../runtime/backends/aws/contract.ts';
import type { StopCause } from '../../../../runtime/backends/aws/launcher/rows.ts';
import { toTaskSight } from '../../../../runtime/backends/aws/launcher/task-status.ts';

const stopped = (
  stopCode: string | undefined,
  more: {
    exitCode?: number;
    reason?: string;
    container?: string;
    cause?: StopCause;
  } = {},
) =>
  toTaskSight(
    {
      lastStatus: 'STOPPED',
      stopCode: stopCode as Task['stopCode'],
      stoppedReason: more.reason,
      containers: [
        { name: 'aws-guard', exitCode: 0 },
        { name: 'app', exitCode: more.exitCode, reason: more.container },
      ],
    },
    more.cause ?? null,
  );

describe('the status table', () => {
  test('has no two of our own exit codes alike', ({ expect }) => {
    const codes = Object.values(WORK_EXIT_CODES);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test.for([
    ['PROVISIONING', 'capacity'],
    ['PENDING', 'image'],
    ['ACTIVATING', 'boot'],
  ])('%s is starting, and says why', ([lastStatus, reason], { expect }) => {
    expect(toTaskSight({ lastStatus }, null)).toMatchObject({
      state: 'starting',
      pending: { reason },
    });
  });

  test('RUNNING is running, with the ports of its container', ({ expect }) => {
    const task = {
      lastStatus: 'RUNNING',
      containers: [
        { name: 'app', networkBindings: [{ containerPort: 8_080, hostPort: 32_771 }, {}] },
      ],
    };
    expect(toTaskSight(task, null)).toEqual({ state: 'running', ports: { 8080: 32_771 } });
  });

  test.for(['DEACTIVATING', 'STOPPING', 'DEPROVISIONING'])(
    '%s is neither running nor stopped',
    (lastStatus, { expect }) => {
      expect(toTaskSight({ lastStatus }, null)).toEqual({ state: 'ending' });
    },
  );

  test('a status that is new to us counts as running', ({ expect }) => {
    expect(toTaskSight({ lastStatus: 'HIBERNATING' }, null)).toMatchObject({ state: 'running' });
  });

  test.for<[string, Parameters<typeof stopped>, string, string]>([
    ['code 0', ['EssentialContainerExited', { exitCode: 0 }], 'exited', 'exited with code 0'],
    ['another code', ['EssentialContainerExited', { exitCode: 3 }], 'exited', 'exited with code 3'],
    ['a kill', ['EssentialContainerExited', { exitCode: 137 }], 'exited', 'killed by SIGKILL'],
    ...(
      [
        ['misdeployed', 'exited', 'task definition'],
        ['noArtifact', 'interrupted', 'its artifact'],
        ['fenced', 'exited', 'replaced by a newer launch'],
        ['flowLost', 'interrupted', 'gave its flow up'],
        ['noInput', 'interrupted', 'nothing that tells it what to do'],
        ['noSecret', 'exited', 'a secret'],
        ['notSupplied', 'interrupted', 'secrets or packages'],
        ['noMount', 'exited', 'an S3 folder'],
      ] as const
    ).map(
      ([code, reason, message]) =>
        [
          `the code ${code}`,
          ['EssentialContainerExited', { exitCode: WORK_EXIT_CODES[code] }],
          reason,
          message,
        ] satisfies [string, Parameters<typeof stopped>, string, string],
    ),
    [
      'no memory left',
      [
        'EssentialContainerExited',
        { exitCode: 137, container: 'OutOfMemoryError: Container killed due to memory usage' },
      ],
      'oom',
      'OutOfMemoryError: Container killed',
    ],
    ['a stop that was asked for', ['UserInitiated', { cause: 'asked' }], 'stopped', 'as asked'],
    [
      'its own end after a stop was asked for',
      ['EssentialContainerExited', { exitCode: 0, cause: 'asked' }],
      'stopped',
      'as asked',
    ],
    ['a stop from outside', ['UserInitiated', { reason: 'by Ada' }], 'stopped', 'outside: by Ada'],
    [
      'a start that took too long',
      ['UserInitiated', { cause: 'start' }],
      'exited',
      'did not start in time',
    ],
    [
      'a stop because its spot instance goes',
      ['UserInitiated', { cause: 'spot', exitCode: 0 }],
      'interrupted',
      'spot instance',
    ],
    ['a spot interruption', ['SpotInterruption'], 'interrupted', 'its machine is gone'],
    ['a notice of termination', ['TerminationNotice'], 'interrupted', 'its machine is gone'],
    ['ill health of its host', ['InfrastructureHealth'], 'interrupted', 'its machine is gone'],
    [
      'the end of its host',
      ['TaskFailedToStart', { reason: 'Host EC2 (instance i-0abc) terminated.' }],
      'interrupted',
      'Host EC2 (instance i-0abc) terminated.',
    ],
    [
      'an image that cannot be pulled',
      ['TaskFailedToStart', { reason: 'CannotPullContainerError: manifest unknown' }],
      'exited',
      'image: it cannot be used: CannotPullContainerError: manifest unknown',
    ],
    [
      'a role that cannot be assumed',
      ['TaskFailedToStart', { reason: 'ECS was unable to assume the role arn:x' }],
      'exited',
      'iam: ',
    ],
    [
      'another failure to start',
      ['TaskFailedToStart', { reason: 'ResourceInitializationError: no log driver' }],
      'exited',
      'it could not be started: ResourceInitializationError: no log driver',
    ],
    [
      'a stop code that is new to us',
      ['MoonPhase', { reason: 'the moon is full' }],
      'exited',
      'the moon is full',
    ],
    ['nothing said at all', [undefined], 'exited', 'ended without an exit code'],
  ])('STOPPED by %s', ([, given, reason, message], { expect }) => {
    const sight = stopped(...given);
    expect(sight).toMatchObject({ state: 'stopped', reason, unplaced: false });
    expect(sight).toHaveProperty('message', expect.stringContaining(message));
  });

  test.for([
    'RESOURCE:MEMORY',
    'RESOURCE:GPU',
    'AGENT',
    'MemberOf placement constraint unsatisfied.',
    'NO ACTIVE INSTANCES',
    'EMPTY CAPACITY PROVIDER',
  ])('a task that found no place (%s) may be tried again', (reason, { expect }) => {
    expect(stopped('TaskFailedToStart', { reason })).toMatchObject({ unplaced: true });
  });

  test('a kill is told apart from an end as asked', ({ expect }) => {
    expect(stopped('UserInitiated', { exitCode: 137, cause: 'asked' })).toMatchObject({
      reason: 'stopped',
      killed: true,
    });
    expect(stopped('UserInitiated', { exitCode: 0, cause: 'asked' })).toMatchObject({
      killed: false,
    });
  });
});
