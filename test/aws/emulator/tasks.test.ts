import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  DescribeContainerInstancesCommand,
  DescribeTasksCommand,
  ExecuteCommandCommand,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
  TagResourceCommand,
  UpdateContainerInstancesStateCommand,
} from '@aws-sdk/client-ecs';
import { describe } from 'vitest';
import { isAlive } from '../../support/local-rig.ts';
import { quick, test } from '../../support/emulator.ts';
import { until } from '../../support/until.ts';
import { boot, describeTask, poolOf, programs, reaches, runTask, spec } from './app.ts';

/** Gives a command a terminal. */
const SCRIPT = '/usr/bin/script';

describe('tasks in the emulator', () => {
  test('a task waits in PROVISIONING until its provider has an instance, and then runs there', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const { taskArn, lastStatus, version } = await runTask(rig, deployment, {
      startedBy: 'stormkite/shop',
    });
    expect({ lastStatus, version }).toEqual({ lastStatus: 'PROVISIONING', version: 1 });
    const { id, arn } = await boot(rig, deployment);
    const running = await reaches(rig, deployment, taskArn, 'RUNNING');
    expect(running).toMatchObject({
      containerInstanceArn: arn,
      capacityProviderName: poolOf(deployment, 'small').capacityProvider,
      launchType: 'EC2',
      startedBy: 'stormkite/shop',
      desiredStatus: 'RUNNING',
      containers: [
        {
          name: 'app',
          lastStatus: 'RUNNING',
          networkBindings: [{ containerPort: 8080, protocol: 'tcp' }],
        },
      ],
    });
    expect(running.version).toBeGreaterThan(1);
    expect(running.startedAt).toBeInstanceOf(Date);
    expect(rig.emulator.state().instances).toMatchObject([{ id, tasks: [taskArn] }]);
  });

  test('its process has an empty folder and an environment that only ECS and its definition made', async ({
    rig,
    expect,
  }) => {
    const program =
      "console.log(JSON.stringify({ cwd: require('fs').readdirSync('.'), env: process.env })); setInterval(() => undefined, 1000)";
    const deployment = await rig.emulator.provision(
      spec(program, {
        works: {
          W: {
            default: {
              command: ['node', '-e', program],
              environment: { GIVEN: 'yes' },
              secrets: { KEY: 'ssm:/shop/key', TOKEN: 'secretsmanager:token' },
            },
          },
        },
        parameters: { '/shop/key': 'opensesame' },
        secrets: { token: 't0ken' },
      }),
    );
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment, {
      overrides: {
        containerOverrides: [{ name: 'app', environment: [{ name: 'OVER', value: 'ride' }] }],
      },
    });
    const { containers } = await reaches(rig, deployment, taskArn, 'RUNNING');
    const [line] = await until('it printed', () => (rig.lines.length > 0 ? rig.lines : null));
    const { cwd, env } = JSON.parse(line ?? '') as { cwd: string[]; env: Record<string, string> };
    expect(cwd).toEqual([]);
    expect(env).toMatchObject({
      GIVEN: 'yes',
      OVER: 'ride',
      KEY: 'opensesame',
      TOKEN: 't0ken',
      PORT: String(containers?.[0]?.networkBindings?.[0]?.hostPort),
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_ECS: rig.emulator.endpoint,
      AWS_EXECUTION_ENV: 'AWS_ECS_EC2',
    });
    expect(env['HOME']).not.toBe(process.env['HOME']);
    expect(Object.keys(env).filter((name) => /vitest|npm_|USER|NODE_OPTIONS/i.test(name))).toEqual(
      [],
    );
    const metadata = (await (
      await fetch(`${env['ECS_CONTAINER_METADATA_URI_V4']}/task`)
    ).json()) as object;
    expect(metadata).toMatchObject({
      TaskARN: taskArn,
      KnownStatus: 'RUNNING',
      LaunchType: 'EC2',
      Containers: [{ Name: 'app' }],
    });
    const container = await fetch(env['ECS_CONTAINER_METADATA_URI_V4'] ?? '');
    expect(await container.json()).toMatchObject({
      Name: 'app',
      Networks: [{ IPv4Addresses: ['127.0.0.1'] }],
    });
    const credentials = await fetch(env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '');
    expect(await credentials.json()).toMatchObject({
      AccessKeyId: expect.stringMatching(/^ASIA/),
      Token: expect.any(String),
    });
    expect((await fetch(`${rig.emulator.endpoint}/v4/nobody`)).status).toBe(404);
  });

  test('a container that ends by itself stops its task with its exit code', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec(programs.fails));
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      containers: [{ exitCode: 3, lastStatus: 'STOPPED' }],
    });
  });

  test.for([
    ['with a handler for SIGTERM ends with its code', programs.endsOnTerm, 0],
    ['without one ends by the signal', programs.waits, 143],
    ['that ignores it is killed after its time', programs.ignoresTerm, 137],
  ] as const)('a stopped task %s', async ([, program, exitCode], { rig, expect }) => {
    const deployment = await rig.emulator.provision(spec(program));
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment, { tags: [{ key: 'work', value: 'w' }] });
    await until('it is up', () => rig.lines.includes('up'));
    expect((await describeTask(rig, deployment, taskArn))?.tags).toEqual([
      { key: 'work', value: 'w' },
    ]);
    const input = { cluster: deployment.cluster, task: taskArn ?? '', reason: 'enough' };
    const { task } = await rig.clients.ecs.send(new StopTaskCommand(input));
    expect(task).toMatchObject({ desiredStatus: 'STOPPED' });
    await rig.clients.ecs.send(new StopTaskCommand({ ...input, reason: 'again' }));
    const stopped = await reaches(rig, deployment, taskArn, 'STOPPED');
    expect(stopped).toMatchObject({
      stopCode: 'UserInitiated',
      stoppedReason: 'enough',
      tags: [],
      containers: [{ exitCode }],
    });
  });

  test('a task that is stopped before it was placed never starts', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    const { taskArn } = await runTask(rig, deployment);
    await rig.clients.ecs.send(new StopTaskCommand({ cluster: deployment.cluster, task: taskArn }));
    const stopped = await reaches(rig, deployment, taskArn, 'STOPPED');
    expect(stopped).toMatchObject({
      stopCode: 'UserInitiated',
      stoppedReason: 'Task stopped by user',
    });
    expect(stopped.startedAt).toBeUndefined();
    expect(stopped.containers?.[0]?.exitCode).toBeUndefined();
  });

  test.skipIf(!existsSync('/proc'))(
    'everything that a task started ends with it, also what left its group',
    async ({ rig, expect }) => {
      const program = `
      const { spawn } = require('node:child_process');
      const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
      const twin = spawn('sleep', ['1000'], { stdio: 'ignore' });
      console.log(JSON.stringify([process.pid, child.pid, twin.pid]));
      setInterval(() => undefined, 1000);`;
      const deployment = await rig.emulator.provision(spec(program));
      await boot(rig, deployment);
      const { taskArn } = await runTask(rig, deployment);
      const [line] = await until('it printed', () => (rig.lines.length > 0 ? rig.lines : null));
      const pids = JSON.parse(line ?? '') as number[];
      expect(pids.map(isAlive)).toEqual([true, true, true]);
      const folder = readlinkSync(`/proc/${pids[0]}/cwd`);
      await rig.clients.ecs.send(
        new StopTaskCommand({ cluster: deployment.cluster, task: taskArn }),
      );
      await reaches(rig, deployment, taskArn, 'STOPPED');
      await until('all are gone', () => !pids.some(isAlive));
      expect(existsSync(folder)).toBe(false);
    },
  );

  test.skipIf(!existsSync('/proc')).for([
    ['prints on', 'cd /; exec sleep 1000'],
    ['is still in its folder', 'exec sleep 1000 >/dev/null 2>&1'],
  ])(
    'a process that left its group and forgot its environment ends with its task when it %s',
    async ([, script], { rig, expect }) => {
      const works = {
        W: {
          default: { command: ['sh', '-c', `env -i setsid sh -c 'echo $$; ${script}' & wait`] },
        },
      };
      const deployment = await rig.emulator.provision(spec('', { works }));
      await boot(rig, deployment);
      const { taskArn } = await runTask(rig, deployment);
      const pid = Number(await until('it printed', () => rig.lines[0]));
      const { cluster } = deployment;
      await rig.clients.ecs.send(new StopTaskCommand({ cluster, task: taskArn }));
      await reaches(rig, deployment, taskArn, 'STOPPED');
      await until('it is gone', () => !isAlive(pid));
      expect(rig.lines).toEqual([String(pid)]);
    },
  );

  test.skipIf(!existsSync('/proc'))(
    'a process in the folder of a task that is not of it stays when the task ends',
    async ({ rig, expect, onTestFinished }) => {
      const enters =
        "console.log('up'); process.stdin.once('data', (folder) => { process.chdir(String(folder)); console.log('in'); })";
      const older = spawn(process.execPath, ['-e', enters], { stdio: ['pipe', 'pipe', 'inherit'] });
      onTestFinished(() => void older.kill('SIGKILL'));
      const said = createInterface({ input: older.stdout });
      await once(said, 'line');
      const deployment = await rig.emulator.provision(spec(programs.tellsFolder));
      await boot(rig, deployment);
      const { taskArn } = await runTask(rig, deployment);
      const cwd = await until('it printed', () => rig.lines[0]);
      older.stdin.write(cwd);
      await once(said, 'line');
      const env = { ECS_CONTAINER_METADATA_URI_V4: 'http://127.0.0.1/v4/another' };
      const others = spawn('sleep', ['1000'], { cwd, env, stdio: 'ignore' });
      onTestFinished(() => void others.kill('SIGKILL'));
      await once(others, 'spawn');
      const { cluster } = deployment;
      await rig.clients.ecs.send(new StopTaskCommand({ cluster, task: taskArn }));
      await reaches(rig, deployment, taskArn, 'STOPPED');
      expect([older, others].map(({ pid = 0 }) => isAlive(pid))).toEqual([true, true]);
    },
  );

  test.skipIf(!existsSync('/proc') || !existsSync(SCRIPT))(
    'a shell in which somebody looks into the folder of a task stays when the task ends',
    async ({ rig, expect, onTestFinished }) => {
      const deployment = await rig.emulator.provision(spec(programs.tellsFolder));
      await boot(rig, deployment);
      const { taskArn } = await runTask(rig, deployment);
      const cwd = await until('it printed', () => rig.lines[0]);
      const shell = `cd ${cwd}; echo $$; exec sleep 1000`;
      const terminal = spawn(SCRIPT, ['-qec', shell, '/dev/null']);
      // What runs in a terminal ends with it.
      onTestFinished(() => void terminal.kill('SIGKILL'));
      const [line] = (await once(createInterface({ input: terminal.stdout }), 'line')) as [string];
      const { cluster } = deployment;
      await rig.clients.ecs.send(new StopTaskCommand({ cluster, task: taskArn }));
      await reaches(rig, deployment, taskArn, 'STOPPED');
      expect(isAlive(Number(line))).toBe(true);
    },
  );

  test('tasks that fit together share an instance; one more waits for room', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec(programs.endsOnTerm));
    const { arn } = await boot(rig, deployment, 'shared');
    const tasks = [];
    for (let count = 0; count < 3; count += 1)
      tasks.push(await runTask(rig, deployment, { hardware: 'shared' }));
    const [first, second, third] = tasks.map(({ taskArn }) => taskArn);
    await reaches(rig, deployment, first, 'RUNNING');
    await reaches(rig, deployment, second, 'RUNNING');
    const { containerInstances = [] } = await rig.clients.ecs.send(
      new DescribeContainerInstancesCommand({
        cluster: deployment.cluster,
        containerInstances: [arn],
      }),
    );
    expect(containerInstances[0]).toMatchObject({
      runningTasksCount: 2,
      agentConnected: true,
      status: 'ACTIVE',
    });
    expect(containerInstances[0]?.remainingResources).toContainEqual(
      expect.objectContaining({ name: 'CPU', integerValue: 0 }),
    );
    expect((await describeTask(rig, deployment, third))?.lastStatus).toBe('PROVISIONING');
    await rig.clients.ecs.send(new StopTaskCommand({ cluster: deployment.cluster, task: first }));
    await reaches(rig, deployment, third, 'RUNNING');
  });

  test('a GPU belongs to one task and its container is told which', async ({ rig, expect }) => {
    const program =
      "console.log('gpu', process.env.NVIDIA_VISIBLE_DEVICES); setInterval(() => undefined, 1000)";
    const deployment = await rig.emulator.provision(spec(program));
    await boot(rig, deployment, 'gpu');
    const { taskArn } = await runTask(rig, deployment, { hardware: 'gpu' });
    const { containers } = await reaches(rig, deployment, taskArn, 'RUNNING');
    const gpuIds = containers?.[0]?.gpuIds;
    expect(gpuIds).toHaveLength(1);
    await until('it printed', () => rig.lines.includes(`gpu ${gpuIds?.[0]}`));
    const input = {
      overrides: {
        containerOverrides: [
          {
            name: 'app',
            cpu: 1,
            memoryReservation: 8,
            resourceRequirements: [{ type: 'GPU' as const, value: '1' }],
          },
        ],
      },
    };
    const { failures } = await rig.clients.ecs.send(
      new RunTaskCommand({
        cluster: deployment.cluster,
        taskDefinition: deployment.taskDefinitions['W']?.['default'],
        launchType: 'EC2',
        ...input,
      }),
    );
    expect(failures).toMatchObject([{ reason: 'RESOURCE:GPU' }]);
  });

  test('the same token gives the same task, with other parameters a conflict that names it', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const first = await runTask(rig, deployment, { clientToken: 'one' });
    expect((await runTask(rig, deployment, { clientToken: 'one' })).taskArn).toBe(first.taskArn);
    await expect(
      runTask(rig, deployment, { clientToken: 'one', startedBy: 'other' }),
    ).rejects.toMatchObject({
      name: 'ConflictException',
      resourceIds: [first.taskArn],
    });
    expect((await runTask(rig, deployment, { clientToken: 'two' })).taskArn).not.toBe(
      first.taskArn,
    );
  });

  test.for([
    [
      'overrides above 8,192 characters',
      {
        overrides: {
          containerOverrides: [
            { name: 'app', environment: [{ name: 'X', value: 'x'.repeat(8_192) }] },
          ],
        },
      },
      'InvalidParameterException',
    ],
    ['a launch type beside a strategy', { launchType: 'EC2' }, 'InvalidParameterException'],
    ['an unknown cluster', { cluster: 'nowhere' }, 'ClusterNotFoundException'],
    ['an unknown definition', { taskDefinition: 'nothing:1' }, 'ClientException'],
    [
      'an unknown provider',
      { capacityProviderStrategy: [{ capacityProvider: 'nobody' }] },
      'InvalidParameterException',
    ],
    [
      'a network for bridge mode',
      { networkConfiguration: { awsvpcConfiguration: { subnets: ['s'] } } },
      'InvalidParameterException',
    ],
    [
      'an expression that makes no sense',
      { placementConstraints: [{ type: 'memberOf', expression: 'attribute:x ==' }] },
      'InvalidParameterException',
    ],
    ['eleven tasks at once', { count: 11 }, 'InvalidParameterException'],
    ['a startedBy with a dot', { startedBy: 'a.b' }, 'InvalidParameterException'],
  ] as const)('RunTask refuses %s', async ([, more, name], { rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    await expect(runTask(rig, deployment, more as never)).rejects.toMatchObject({ name });
  });

  test('no more than 500 tasks of a cluster wait in PROVISIONING', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    for (let batch = 0; batch < 50; batch += 1) await runTask(rig, deployment, { count: 10 });
    await expect(runTask(rig, deployment)).rejects.toMatchObject({ name: 'ClientException' });
  });

  test('without a provider what does not fit is a failure, not a task', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    const { arn } = await boot(rig, deployment);
    const base = {
      cluster: deployment.cluster,
      taskDefinition: deployment.taskDefinitions['W']?.['default'],
      launchType: 'EC2' as const,
    };
    const run = (override: object) =>
      rig.clients.ecs.send(
        new RunTaskCommand({
          ...base,
          overrides: { containerOverrides: [{ name: 'app', ...override }] },
        }),
      );
    expect(await run({ cpu: 4_096 })).toMatchObject({
      tasks: [],
      failures: [{ arn, reason: 'RESOURCE:CPU' }],
    });
    expect(await run({ memoryReservation: 8_192 })).toMatchObject({
      failures: [{ arn, reason: 'RESOURCE:MEMORY' }],
    });
    expect(await run({})).toMatchObject({ tasks: [{ lastStatus: 'PENDING' }], failures: [] });
  });

  test('a constraint to one instance is kept', async ({ rig, expect }) => {
    const deployment = await rig.emulator.provision(spec());
    const first = await boot(rig, deployment);
    const second = await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment, {
      placementConstraints: [
        {
          type: 'memberOf',
          expression: `ec2InstanceId == ${second.id} and attribute:ecs.instance-type =~ m*`,
        },
      ],
    });
    expect((await reaches(rig, deployment, taskArn, 'RUNNING')).containerInstanceArn).toBe(
      second.arn,
    );
    await rig.clients.ecs.send(
      new UpdateContainerInstancesStateCommand({
        cluster: deployment.cluster,
        containerInstances: [first.arn],
        status: 'DRAINING',
      }),
    );
    const other = await runTask(rig, deployment);
    await reaches(rig, deployment, taskArn, 'RUNNING');
    expect((await describeTask(rig, deployment, other.taskArn))?.lastStatus).toBe('PROVISIONING');
  });

  test('ListTasks finds by startedBy, status and instance, page by page', async ({
    rig,
    expect,
  }) => {
    const { cluster, ...deployment } = await rig.emulator.provision(spec());
    const { arn } = await boot(rig, { cluster, ...deployment }, 'shared');
    for (let count = 0; count < 3; count += 1)
      await runTask(rig, { cluster, ...deployment }, { hardware: 'shared', startedBy: 'mine' });
    const list = (more: object) => rig.clients.ecs.send(new ListTasksCommand({ cluster, ...more }));
    const page = await list({ startedBy: 'mine', maxResults: 2 });
    expect(page.taskArns).toHaveLength(2);
    expect(
      (await list({ startedBy: 'mine', maxResults: 2, nextToken: page.nextToken })).taskArns,
    ).toHaveLength(1);
    expect((await list({ startedBy: 'other' })).taskArns).toEqual([]);
    await until(
      'two are placed',
      async () => (await list({ containerInstance: arn })).taskArns?.length === 2,
    );
    await rig.clients.ecs.send(new StopTaskCommand({ cluster, task: page.taskArns?.[0] }));
    expect((await list({ startedBy: 'mine', desiredStatus: 'STOPPED' })).taskArns).toEqual([
      page.taskArns?.[0],
    ]);
    await expect(list({ startedBy: 'mine', family: 'x' })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
  });

  test('tasks can be tagged, not described by the hundred and one, and not entered', async ({
    rig,
    expect,
  }) => {
    const deployment = await rig.emulator.provision(spec());
    const { taskArn } = await runTask(rig, deployment);
    await rig.clients.ecs.send(
      new TagResourceCommand({ resourceArn: taskArn, tags: [{ key: 'a', value: 'b' }] }),
    );
    expect((await describeTask(rig, deployment, taskArn))?.tags).toEqual([
      { key: 'a', value: 'b' },
    ]);
    const tasks = Array.from({ length: 101 }, (_, index) => String(index));
    const many = new DescribeTasksCommand({ cluster: deployment.cluster, tasks });
    await expect(rig.clients.ecs.send(many)).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
    const enter = new ExecuteCommandCommand({
      cluster: deployment.cluster,
      task: taskArn,
      command: 'sh',
      interactive: true,
    });
    await expect(rig.clients.ecs.send(enter)).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
    await expect(
      rig.clients.ecs.send(new StopTaskCommand({ cluster: deployment.cluster, task: 'nobody' })),
    ).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'The referenced task was not found.',
    });
  });

  test('a command that is not there fails to start, with what runc says', async ({
    rig,
    expect,
  }) => {
    const works = { W: { default: { command: ['no-such-program'] } } };
    const deployment = await rig.emulator.provision(spec('', { works }));
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
      stopCode: 'TaskFailedToStart',
      stoppedReason: expect.stringMatching(
        /^CannotStartContainerError: .*"no-such-program".*not found/,
      ),
    });
  });

  test('a secret that is not there fails the start', async ({ rig, expect }) => {
    const works = { W: { default: { command: ['node'], secrets: { KEY: 'ssm:/nothing' } } } };
    const deployment = await rig.emulator.provision(spec('', { works }));
    await boot(rig, deployment);
    const { taskArn } = await runTask(rig, deployment);
    expect(await reaches(rig, deployment, taskArn, 'STOPPED')).toMatchObject({
      stopCode: 'TaskFailedToStart',
      stoppedReason: expect.stringMatching(/^ResourceInitializationError: .*ParameterNotFound/),
    });
  });

  describe('that are not seen at once', () => {
    test.override({ options: { timings: { ...quick, visibleMs: 60, stoppedVisibleMs: 60 } } });

    test('a new task is MISSING for a moment, and a stopped one after a while', async ({
      rig,
      expect,
    }) => {
      const deployment = await rig.emulator.provision(spec());
      const { taskArn } = await runTask(rig, deployment);
      const { failures } = await rig.clients.ecs.send(
        new DescribeTasksCommand({ cluster: deployment.cluster, tasks: [taskArn ?? ''] }),
      );
      expect(failures).toMatchObject([{ arn: taskArn, reason: 'MISSING' }]);
      await reaches(rig, deployment, taskArn, 'PROVISIONING');
      await rig.clients.ecs.send(
        new StopTaskCommand({ cluster: deployment.cluster, task: taskArn }),
      );
      await until(
        'it is forgotten',
        async () => (await describeTask(rig, deployment, taskArn)) === undefined,
      );
    });
  });
});
