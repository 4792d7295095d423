/**
 * A small AWS account behind the SDK clients: ECS, EC2, Auto Scaling and the table of inputs, without time.
 *
 * Everything that takes time takes looks instead: an instance registers when it was looked at twice, a task goes one status
 * further with every description. So a test can run thousands of launches, and stop at every single call.
 */
import type { Task } from '@aws-sdk/client-ecs';
import type { LauncherClients } from '../../../../runtime/backends/aws/launcher/aws-calls.ts';
import type { LauncherItems } from '../../../../runtime/backends/aws/launcher/records.ts';
import { workTaskOf } from '../../../../runtime/backends/aws/launcher/task-request.ts';

type Input = Record<string, any>;

export interface ScriptedInstance {
  readonly id: string;
  readonly group: string;
  readonly subnet: string;
  readonly token: string;
  state: 'pending' | 'running' | 'shutting-down';
  protected: boolean;
  looks: number;
  listed: number;
  status: 'ACTIVE' | 'DRAINING';
  connected: boolean;
}

export interface ScriptedTask {
  readonly arn: string;
  readonly token: string;
  readonly instance: string;
  readonly input: Input;
  status: string;
  listed: number;
  stopCode?: string;
  stoppedReason?: string;
  exitCode?: number;
  /** Stays as it is. */
  stuck?: boolean;
}

const NEXT: Readonly<Record<string, string>> = {
  PROVISIONING: 'PENDING',
  PENDING: 'RUNNING',
  DEACTIVATING: 'STOPPED',
};
/** Looks until an instance is registered. */
const BOOT_LOOKS = 2;
const CPU_UNITS = 4_096;
const MEMORY_MIB = 15_600;

export class ScriptedAccount {
  readonly instances: ScriptedInstance[] = [];
  readonly tasks: ScriptedTask[] = [];
  /** Names of all calls, in their order. */
  readonly calls: string[] = [];
  readonly items = new Map<string, Input>();
  readonly rows = new Map<string, Input>();
  /** Answers of the next `LaunchInstances`: an error code each, or `null` for an instance. */
  readonly launches: (string | null)[] = [];
  /** Called before a call takes effect; what it throws is the answer. */
  before: (name: string, input: Input) => void = () => undefined;
  /** Called after a call took effect; what it throws is the answer. */
  after: (name: string, input: Input) => void = () => undefined;
  gpus = 1;
  /** Lists that do not show yet what is new: AWS is consistent in the end only. */
  lateLists = 0;
  fence = 1;
  activities: Input[] = [];

  get live(): ScriptedInstance[] {
    return this.instances.filter(({ state }) => state !== 'shutting-down');
  }

  get running(): ScriptedTask[] {
    return this.tasks.filter(({ status }) => status !== 'STOPPED');
  }

  /** Clients of one flow. `guard` sees every call of it. */
  clients(guard: Guard = (_, take) => take()): LauncherClients {
    const send = (command: { constructor: { name: string }; input: Input }) =>
      guard(command.constructor.name, async () => this.#take(command));
    const client = { send, destroy: () => undefined };
    return { ecs: client, ec2: client, autoScaling: client, dynamodb: client } as never;
  }

  /** Rows as a flow with this fence writes them. */
  records(fence = this.fence, guard: Guard = (_, take) => take()): LauncherItems {
    this.fence = Math.max(this.fence, fence);
    const write = (name: string, change: () => void) =>
      guard(name, async () => {
        this.calls.push(name);
        if (fence < this.fence) return 'fenced' as const;
        change();
        return 'written' as const;
      });
    return {
      confirm: async () => fence >= this.fence,
      put: (sk, attributes) => write('PutRow', () => void this.rows.set(sk, { ...attributes })),
      delete: (sk) => write('DeleteRow', () => void this.rows.delete(sk)),
      query: (prefix) =>
        guard('QueryRows', async () =>
          [...this.rows].filter(([sk]) => sk.startsWith(prefix)).map(([, row]) => row),
        ),
    };
  }

  /** A row as it is recorded. */
  row(prefix: string): Input[] {
    return [...this.rows]
      .filter(([sk]) => sk.startsWith(prefix))
      .map(([, row]) => JSON.parse(row['v'].S));
  }

  die(instance: ScriptedInstance, reason: string): void {
    instance.state = 'shutting-down';
    for (const task of this.tasks)
      if (task.instance === instance.id && task.status !== 'STOPPED')
        Object.assign(task, { status: 'STOPPED', stoppedReason: reason });
  }

  async #take({ constructor: { name }, input }: { constructor: { name: string }; input: Input }) {
    this.calls.push(name);
    this.before(name, input);
    const handler = this.#handlers[name];
    if (!handler) throw new Error(`the scripted account knows no ${name}`);
    const answer = handler(input);
    this.after(name, input);
    return answer;
  }

  readonly #handlers: Readonly<Record<string, (input: Input) => unknown>> = {
    LaunchInstancesCommand: (input) => this.#launch(input),
    DescribeAutoScalingGroupsCommand: ({ AutoScalingGroupNames }) => ({
      AutoScalingGroups: AutoScalingGroupNames.map((name: string) => ({
        AutoScalingGroupName: name,
        Instances: this.instances
          .filter((each) => each.group === name && each.state !== 'shutting-down')
          .filter((each) => this.#isListed(each))
          .map(({ id }) => ({ InstanceId: id, LifecycleState: 'InService' })),
      })),
    }),
    DescribeScalingActivitiesCommand: () => ({ Activities: this.activities }),
    SetInstanceProtectionCommand: ({ InstanceIds }) => {
      for (const id of InstanceIds) this.#instance(id).protected = false;
      return {};
    },
    TerminateInstanceInAutoScalingGroupCommand: ({
      InstanceId,
      ShouldDecrementDesiredCapacity,
    }) => {
      const instance = this.#instance(InstanceId);
      if (!ShouldDecrementDesiredCapacity) throw new Error('the group would start another one');
      if (instance.protected) throw refusal('ValidationError', 'it is protected');
      const used = this.running.some((task) => task.instance === InstanceId);
      if (used && instance.connected) throw new Error(`${InstanceId} was ended under its task`);
      instance.state = 'shutting-down';
      return {};
    },
    DescribeInstancesCommand: ({ InstanceIds: [id] }) => {
      const instance = this.#instance(id);
      const Instances = [
        {
          InstanceId: id,
          InstanceType: 'g4dn.xlarge',
          SubnetId: instance.subnet,
          PrivateIpAddress: '10.0.0.7',
          PublicIpAddress: '203.0.113.7',
          State: { Name: instance.state },
        },
      ];
      return { Reservations: [{ Instances }] };
    },
    ListContainerInstancesCommand: () => {
      for (const instance of this.instances) instance.looks += 1;
      return { containerInstanceArns: this.#registered.map(({ id }) => `ci/${id}`) };
    },
    DescribeContainerInstancesCommand: ({ containerInstances }) => ({
      containerInstances: this.#registered
        .filter(({ id }) => containerInstances.includes(`ci/${id}`))
        .map((instance) => this.#container(instance)),
    }),
    UpdateContainerInstancesStateCommand: ({ containerInstances: [arn], status }) => {
      this.#instance(arn.slice('ci/'.length)).status = status;
      return {};
    },
    RunTaskCommand: (input) => this.#runTask(input),
    StopTaskCommand: ({ task: arn }) => {
      const task = this.tasks.find((each) => each.arn === arn);
      if (!task) throw refusal('InvalidParameterException', 'The referenced task was not found.');
      if (task.status === 'STOPPED') return {};
      const ran = task.status === 'RUNNING';
      task.stopCode = 'UserInitiated';
      task.status = ran ? 'DEACTIVATING' : 'STOPPED';
      if (ran) task.exitCode = 0;
      return {};
    },
    DescribeTasksCommand: ({ tasks }) => ({
      tasks: this.tasks
        .filter(({ arn }) => tasks.includes(arn))
        .map((task) => this.#describe(task)),
    }),
    ListTasksCommand: ({ desiredStatus }) => ({
      taskArns: this.tasks
        .filter(({ status }) => (status === 'STOPPED') === (desiredStatus === 'STOPPED'))
        .filter((task) => this.#isListed(task))
        .map(({ arn }) => arn),
    }),
    PutItemCommand: ({ Item }) => {
      this.items.set(`${Item.pk.S} ${Item.sk.S}`, Item);
      return {};
    },
    QueryCommand: ({ ExpressionAttributeValues: { ':pk': pk, ':from': from, ':to': to } }) => ({
      Items: [...this.items.values()].filter(
        (item) => item['pk'].S === pk.S && item['sk'].S >= from.S && item['sk'].S <= to.S,
      ),
    }),
    BatchWriteItemCommand: ({ RequestItems }) => {
      for (const { DeleteRequest } of Object.values(RequestItems).flat() as Input[])
        this.items.delete(`${DeleteRequest.Key.pk.S} ${DeleteRequest.Key.sk.S}`);
      return {};
    },
  };

  #isListed(each: { listed: number }): boolean {
    each.listed += 1;
    return each.listed > this.lateLists;
  }

  get #registered(): ScriptedInstance[] {
    return this.live.filter(({ looks }) => looks >= BOOT_LOOKS);
  }

  #launch({ AutoScalingGroupName: group, SubnetIds: [subnet], ClientToken: token }: Input) {
    const before = this.instances.find((instance) => instance.token === token);
    const scripted = before ? null : this.launches.shift();
    if (scripted) return { Errors: [{ ErrorCode: scripted, ErrorMessage: 'as scripted' }] };
    const instance: ScriptedInstance = before ?? {
      id: `i-${this.instances.length + 1}`,
      group,
      subnet,
      token,
      state: 'running',
      protected: true,
      looks: 0,
      listed: 0,
      status: 'ACTIVE',
      connected: true,
    };
    if (!before) this.instances.push(instance);
    return { Instances: [{ InstanceType: 'g4dn.xlarge', InstanceIds: [instance.id] }] };
  }

  #runTask(input: Input) {
    const before = this.tasks.find(({ token }) => token === input['clientToken']);
    if (before) return { tasks: [this.#describe(before, false)], failures: [] };
    const [, instance = ''] = /== (\S+)$/.exec(input['placementConstraints'][0].expression) ?? [];
    const task: ScriptedTask = {
      arn: `arn:task/${this.tasks.length + 1}`,
      token: input['clientToken'],
      instance,
      input,
      status: 'PROVISIONING',
      listed: 0,
    };
    this.tasks.push(task);
    return { tasks: [this.#describe(task, false)], failures: [] };
  }

  #describe(task: ScriptedTask, further = true): Task {
    if (further && !task.stuck) task.status = NEXT[task.status] ?? task.status;
    const isPlaced = task.status !== 'PROVISIONING';
    return {
      taskArn: task.arn,
      lastStatus: task.status,
      desiredStatus: task.stopCode || task.status === 'STOPPED' ? 'STOPPED' : 'RUNNING',
      overrides: task.input['overrides'],
      ...(isPlaced ? { containerInstanceArn: `ci/${task.instance}` } : {}),
      stopCode: task.stopCode as Task['stopCode'],
      stoppedReason: task.stoppedReason,
      containers: [
        {
          name: 'app',
          exitCode: task.exitCode,
          networkBindings: [{ containerPort: 8_080, hostPort: 32_768 }],
        },
      ],
    };
  }

  #container({ id, status, connected }: ScriptedInstance) {
    const on = this.running.filter((task) => task.instance === id);
    const used = (pick: (override: Input) => number) =>
      on.reduce((sum, { input }) => sum + pick(input['overrides'].containerOverrides[0]), 0);
    const resources = (cpu: number, memory: number, gpus: number) => [
      { name: 'CPU', integerValue: cpu },
      { name: 'MEMORY', integerValue: memory },
      {
        name: 'GPU',
        stringSetValue: Array.from({ length: Math.max(0, gpus) }, (_, n) => `gpu${n}`),
      },
    ];
    return {
      containerInstanceArn: `ci/${id}`,
      ec2InstanceId: id,
      status,
      agentConnected: connected,
      runningTasksCount: on.length,
      pendingTasksCount: 0,
      registeredResources: resources(CPU_UNITS, MEMORY_MIB, this.gpus),
      remainingResources: resources(
        CPU_UNITS - used(({ cpu }) => cpu),
        MEMORY_MIB - used(({ memoryReservation }) => memoryReservation),
        this.gpus - used(({ resourceRequirements }) => resourceRequirements?.length ?? 0),
      ),
    };
  }

  #instance(id: string): ScriptedInstance {
    const instance = this.instances.find((each) => each.id === id);
    if (!instance) throw refusal('InvalidInstanceID.NotFound', id);
    return instance;
  }
}

/** Stands around every call of one flow. */
export type Guard = <T>(name: string, take: () => Promise<T>) => Promise<T>;

/** Epochs of a work for which tasks were ever made, one per task. */
export function epochsOf(account: ScriptedAccount, work: string): number[] {
  return account.tasks.flatMap(({ input }) => {
    const whose = workTaskOf({ overrides: input['overrides'] });
    return whose?.work === work ? [whose.epoch] : [];
  });
}

/** An answer that says no. */
export function refusal(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } }, more);
}

/** A connection that broke. */
export function broken(): Error {
  return Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
}
