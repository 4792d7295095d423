import { LaunchInstancesCommand } from '@aws-sdk/client-auto-scaling';
import { describe } from 'vitest';
import { CloudWatchLogs } from '../../../runtime/backends/aws/cloudwatch-logs.ts';
import type { Deployment } from '../../../runtime/backends/aws/contract.ts';
import { ListTasksCommand, RunTaskCommand } from '@aws-sdk/client-ecs';
import type { LogLine } from '../../../runtime/ports/log-sink.ts';
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
    const tasks: string[] = [];
    const logs = new CloudWatchLogs({
      client: rig.clients.logs,
      logGroup: deployment.logGroup,
      tasksOf: async () => tasks,
      works: () => ['root.w'],
      pollMs: 20,
    });
    const heard: LogLine[] = [];
    const end = logs.subscribe((line) => void heard.push(line));
    await until('the flow prints', () => heard.some(({ line }) => line === 'from the flow'));
    const { taskArns = [] } = await rig.clients.ecs.send(
      new ListTasksCommand({ cluster: deployment.cluster, serviceName: 'flow' }),
    );
    expect(taskArns).toHaveLength(1);
    tasks.push(await runWork(rig, deployment));
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
  });
});
