import { LaunchInstancesCommand } from '@aws-sdk/client-auto-scaling';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { describe } from 'vitest';
import { CloudWatchLogs } from '../../../runtime/backends/aws/cloudwatch-logs.ts';
import type { Deployment } from '../../../runtime/backends/aws/contract.ts';
import { ListTasksCommand, RunTaskCommand } from '@aws-sdk/client-ecs';
import type { StoredTask } from '../../../runtime/backends/aws/launcher/stored-tasks.ts';
import type { LogLine } from '../../../runtime/ports/log-sink.ts';
import { ScriptedAws } from '../../support/scripted-aws.ts';
import { test, type EmulatorRig } from '../../support/emulator.ts';
import { until } from '../../support/until.ts';

const print = (text: string) => [
  'node',
  '-e',
  `console.log('{"stormkite":"work","work":"root.w"}'); console.log(${JSON.stringify(text)})`,
];

async function provision({ emulator }: EmulatorRig): Promise<Deployment> {
  return await emulator.provision({
    app: 'printer',
    hardware: { default: { instanceTypes: ['t3.large'] } },
    works: { W: { default: { command: print('from the work') } } },
    flow: { command: ['node', '-e', `console.log('from the flow'); setInterval(() => {}, 1e6)`] },
  });
}

/** Runs the work's container once, on a machine of its own. */
async function runWork({ clients }: EmulatorRig, deployment: Deployment): Promise<string> {
  const [pool] = deployment.hardware['default']?.pools ?? [];
  const { autoScalingGroup = '', capacityProvider = '' } = pool ?? {};
  await clients.autoScaling.send(
    new LaunchInstancesCommand({
      AutoScalingGroupName: autoScalingGroup,
      RequestedCapacity: 1,
      SubnetIds: deployment.subnets.slice(0, 1),
    }),
  );
  const { tasks = [] } = await clients.ecs.send(
    new RunTaskCommand({
      cluster: deployment.cluster,
      taskDefinition: deployment.taskDefinitions['W']?.['default'],
      capacityProviderStrategy: [{ capacityProvider, weight: 1 }],
    }),
  );
  return tasks[0]?.taskArn ?? '';
}

describe('the logs of an app on AWS', () => {
  test('are read by source, and told live, each line once', async ({ rig, expect }) => {
    const deployment = await provision(rig);
    const tasks: StoredTask[] = [];
    const open = () =>
      new CloudWatchLogs({
        client: rig.clients.logs,
        logGroup: deployment.logGroup,
        tasksOf: async () => tasks,
        works: () => ['root.w'],
        pollMs: 20,
      });
    const logs = open();
    const heard: LogLine[] = [];
    const end = logs.subscribe((line) => void heard.push(line));
    await until('the flow prints', () => heard.some(({ line }) => line === 'from the flow'));
    const { taskArns = [] } = await rig.clients.ecs.send(
      new ListTasksCommand({ cluster: deployment.cluster, serviceName: 'flow' }),
    );
    expect(taskArns).toHaveLength(1);
    tasks.push({ work: 'root.w', arn: await runWork(rig, deployment) });
    await until('the work prints', () => heard.some(({ line }) => line === 'from the work'));
    end();
    expect(heard.map(({ source, line }) => [source, line])).toEqual([
      ['flow', 'from the flow'],
      ['root.w', 'from the work'],
    ]);
    expect((await logs.tail('root.w', 10)).map(({ line }) => line)).toEqual(['from the work']);
    expect((await logs.tail(null, 1)).map(({ source }) => source)).toEqual(['root.w']);
    expect(await logs.tail('flow', 0)).toEqual([]);
    expect([logs.has('flow'), logs.has('root.w'), logs.has('root.x')]).toEqual([true, true, false]);
    logs.close();

    // Whoever listens hears what was printed a moment ago, but not what it has read already.
    const later: LogLine[] = [];
    const others = open();
    const { tail, end: leave } = others.follow(null, 10, (line) => void later.push(line));
    expect((await tail).map(({ line }) => line)).toEqual(['from the flow', 'from the work']);
    tasks.push({ work: 'root.w', arn: await runWork(rig, deployment) });
    await until('the work prints again', () => later.length > 0);
    leave();
    expect(later.map(({ source, line }) => [source, line])).toEqual([['root.w', 'from the work']]);
    expect(later[0]?.at).toBeGreaterThan(heard.at(-1)?.at ?? 0);
    others.close();
  });

  test('are read back over flows and structured lines, however many there were', async ({
    expect,
  }) => {
    const FLOWS = 120;
    const event = '{"stormkite":"event"}';
    const streams = Array.from({ length: FLOWS }, (_, index) => ({
      // Names of tasks are random: their order says nothing.
      logStreamName: `flow/app/${(index * 7919) % FLOWS}`,
      creationTime: 1_000 + index,
    }));
    const scripted = await ScriptedAws.open({
      DescribeLogStreams: ({ nextToken = '0' }) => {
        const from = Number(nextToken);
        const rest = from + 50 < FLOWS ? { nextToken: String(from + 50) } : {};
        const byName = streams.toSorted((a, b) => (a.logStreamName < b.logStreamName ? -1 : 1));
        return { logStreams: byName.slice(from, from + 50), ...rest };
      },
      GetLogEvents: ({ logStreamName, nextToken = 'b/3' }) => {
        const page = Number(String(nextToken).slice(2));
        const isNewest = logStreamName === streams.at(-1)?.logStreamName;
        const texts = isNewest && page === 1 ? ['first', 'second'] : [event, event];
        const failed =
          '{"stormkite":"failed","error":{"code":"HOST_APP_LOAD_FAILED","message":"it has no export","hint":"add one"}}';
        return {
          events: (isNewest && page === 3 ? [failed] : texts).map((message, index) => ({
            timestamp: (isNewest ? 9_000 : 1_000) + page * 10 + index,
            message,
          })),
          nextBackwardToken: `b/${Math.max(0, page - 1)}`,
        };
      },
    });
    const logs = new CloudWatchLogs({
      client: new CloudWatchLogsClient({
        region: 'us-east-1',
        endpoint: scripted.environment['AWS_ENDPOINT_URL_SSM'] ?? '',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      }),
      logGroup: 'group',
      tasksOf: async () => [],
      works: () => [],
    });
    const lines = (await logs.tail('flow', 100)).map(({ line }) => line);
    expect(lines.slice(0, 2)).toEqual(['first', 'second']);
    // Why the flow gave up is for people, too.
    expect(lines.slice(2)).toEqual(['✘ HOST_APP_LOAD_FAILED  it has no export', '  hint  add one']);
    expect(await logs.tail('flow', 1)).toHaveLength(1);
    await scripted.close();
  });
});
