/** What nobody wants is found and ended: a task in the app's name, an instance in one of its groups. */
import { AutoScalingClient, LaunchInstancesCommand } from '@aws-sdk/client-auto-scaling';
import { DescribeTasksCommand, ECSClient, RunTaskCommand } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  CONTAINER_NAME,
  CONTRACT_VERSION,
  startedByOf,
  WORK_TASK_VARIABLE,
  workKey,
} from '../../../runtime/backends/aws/contract.ts';
import type { Json } from '../../../runtime/state/json.ts';
import {
  AwsCampaign,
  begun,
  endsAsUndisturbed,
  type ErrandRun,
} from '../../support/aws-campaign.ts';
import { localConfig } from '../../support/dynamodb.ts';

const WORK = 'root.first';
/** A launch that no flow made. */
const STRAY_EPOCH = 99;

describe('on AWS', () => {
  let campaign: AwsCampaign;
  let expected: Json = null;
  let ecs: ECSClient;
  let groups: AutoScalingClient;
  beforeAll(async () => {
    campaign = await AwsCampaign.open();
    expected = await campaign.undisturbed();
    ecs = new ECSClient(localConfig(campaign.rig.emulator.endpoint));
    groups = new AutoScalingClient(localConfig(campaign.rig.emulator.endpoint));
  });
  afterAll(async () => {
    ecs.destroy();
    groups.destroy();
    await campaign.close();
  });

  /** A work's task that waits for an input, as one would whose launch no flow knows. */
  async function strayTask({ app }: ErrandRun): Promise<string> {
    const { name, deployment } = app;
    const { tables, secretsPath, mode } = deployment;
    const task = {
      contract: CONTRACT_VERSION,
      app: name,
      work: WORK,
      key: workKey('Step', WORK),
      epoch: STRAY_EPOCH,
      tables,
      secretsPath,
      mode,
    };
    const { tasks = [] } = await ecs.send(
      new RunTaskCommand({
        cluster: deployment.cluster,
        taskDefinition: deployment.taskDefinitions['Step']?.['default'],
        startedBy: startedByOf(name),
        capacityProviderStrategy: [{ capacityProvider: poolOf(app).capacityProvider, weight: 1 }],
        overrides: {
          containerOverrides: [
            {
              name: CONTAINER_NAME,
              environment: [{ name: WORK_TASK_VARIABLE, value: JSON.stringify(task) }],
            },
          ],
        },
      }),
    );
    return tasks[0]?.taskArn ?? '';
  }

  async function strayInstance({ app }: ErrandRun): Promise<string> {
    const { Instances = [] } = await groups.send(
      new LaunchInstancesCommand({
        AutoScalingGroupName: poolOf(app).autoScalingGroup,
        RequestedCapacity: 1,
        SubnetIds: app.deployment.subnets.slice(0, 1),
        RetryStrategy: 'none',
        ClientToken: 'stray',
      }),
    );
    return Instances[0]?.InstanceIds?.[0] ?? '';
  }

  test('a task and an instance that no work asked for are ended while the app runs', async ({
    expect,
  }) => {
    const run = await campaign.start({ workEnv: { STEP_MS: '400' } });
    const { app } = run;
    await begun(run);
    const [task, instance] = [await strayTask(run), await strayInstance(run)];
    expect(app.instances.map(({ id }) => id)).toContain(instance);
    await app.until('the task is stopped by the flow', async () => {
      const input = { cluster: app.deployment.cluster, tasks: [task] };
      const { tasks = [] } = await ecs.send(new DescribeTasksCommand(input));
      return tasks[0]?.stoppedReason?.includes('no work wants this task');
    });
    await app.until(
      'the instance is given back',
      () => !app.instances.some(({ id }) => id === instance),
    );
    expect(app.results, 'the app still runs').toEqual([]);
    await endsAsUndisturbed(run, expected, expect);
  });
});

function poolOf({ deployment }: ErrandRun['app']) {
  const [pool] = deployment.hardware['default']?.pools ?? [];
  if (!pool) throw new Error('the app has no shared machines');
  return pool;
}
