/** A work's end of the line in this process, with everything that it tells at hand. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { AwsBoot } from '../../../runtime/backends/aws/channel/aws-boot.ts';
import type { DeltaQueue } from '../../../runtime/backends/aws/channel/delta-queue.ts';
import { readDeltas } from '../../../runtime/backends/aws/channel/delta-query.ts';
import type { DeltaRecord } from '../../../runtime/backends/aws/channel/delta-record.ts';
import {
  DynamoWorkChannel,
  type WorkNote,
} from '../../../runtime/backends/aws/channel/dynamo-work-channel.ts';
import {
  defaultWorkTimings,
  type WorkTimings,
} from '../../../runtime/backends/aws/channel/work-timings.ts';
import { inputSortKey, workKey } from '../../../runtime/backends/aws/contract.ts';
import { putText } from '../../../runtime/backends/aws/dynamo/chunks.ts';
import type { WorkEvent } from '../../../runtime/protocol/delta.ts';
import type { CallMessage } from '../../../runtime/protocol/downlink.ts';
import { formatTail } from '../../../runtime/protocol/frame-tail.ts';
import type { WorkSpec } from '../../../runtime/protocol/work-spec.ts';
import type { Json } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { localConfig, type DynamoDbRig } from '../../support/dynamodb.ts';
import { plainHardware } from '../../support/plain-hardware.ts';

export const WORK = 'root.counter';
export const KEY = workKey('Counter', WORK);

/** Waits that let a test be over soon. */
export const quickTimings: WorkTimings = {
  ...defaultWorkTimings,
  inputMs: 200,
  coalesceMs: 20,
  retryMs: 5,
  retryMaxMs: 20,
  outageMs: 50,
  pollMs: 10,
  idlePollMs: 20,
};

export function specOf(changes: Partial<WorkSpec> = {}): WorkSpec {
  return {
    app: 'test',
    work: WORK,
    epoch: 1,
    seq: 0,
    vars: {},
    definitions: [],
    tree: [],
    env: {},
    secrets: {},
    ...plainHardware,
    ...changes,
  };
}

/** Writes what a launch is to do. */
export async function putInput({ client, tables }: DynamoDbRig, spec: WorkSpec): Promise<void> {
  const at = { table: tables.state, pk: KEY, sk: inputSortKey(spec.epoch) };
  await putText(client, { ...at, text: JSON.stringify(spec) });
}

/** All records of the work, in order. */
export async function recordsOf(
  { client, tables }: DynamoDbRig,
  after = 0,
): Promise<DeltaRecord[]> {
  const records: DeltaRecord[] = [];
  const range = { table: tables.deltas, key: KEY, work: WORK, after };
  for await (const record of readDeltas(client, range)) records.push(record);
  return records;
}

/** Values that a field was given by records, in order. */
export function valuesOf(records: readonly DeltaRecord[], field = 'n'): Json[] {
  return records.flatMap(({ delta }) =>
    delta.ops.flatMap((op) => (op.path === `/vars/${field}` && 'value' in op ? [op.value] : [])),
  );
}

export interface WorkRigOptions {
  readonly epoch?: number;
  readonly timings?: Partial<WorkTimings>;
  /** Where DynamoDB is reached. @default - where the rig's client reaches it */
  readonly endpoint?: string;
  readonly queue?: DeltaQueue;
}

export class WorkRig {
  readonly channel: DynamoWorkChannel;
  readonly calls: { readonly message: CallMessage; readonly applied: number }[] = [];
  readonly flowDeltas: (readonly Operation[])[] = [];
  readonly printed: string[] = [];
  readonly notes: WorkNote[] = [];
  assigned: WorkSpec | null = null;
  acknowledged = 0;
  written = 0;
  stopCode: number | null = null;
  leaveCode: number | null = null;
  posts = 0;
  readonly #client: DynamoDBClient;

  constructor(dynamodb: DynamoDbRig, options: WorkRigOptions = {}) {
    const { epoch = 1, endpoint = dynamodb.endpoint, timings, queue } = options;
    const { tables } = dynamodb;
    const boot: AwsBoot = {
      kind: 'aws',
      task: {
        contract: 1,
        app: 'test',
        work: WORK,
        key: KEY,
        epoch,
        tables,
        secretsPath: '/x',
        mode: 'emulated',
      },
      region: 'us-east-1',
      bundlePath: '',
      projectRoot: '',
      timings: { ...quickTimings, ...timings },
    };
    this.#client = new DynamoDBClient({
      ...localConfig(endpoint),
      maxAttempts: 1,
      requestHandler: { connectionTimeout: 500, requestTimeout: 2_000 },
    });
    const listener = {
      assigned: (spec: WorkSpec) => void (this.assigned = spec),
      acknowledged: (posts: number) => void (this.acknowledged = posts),
      call: (message: CallMessage, applied: number) => void this.calls.push({ message, applied }),
      flowDelta: (ops: readonly Operation[]) => void this.flowDeltas.push(ops),
      stop: (code: number) => void (this.stopCode = code),
      written: (count: number) => void (this.written = count),
      gone: () => undefined,
      leave: (code: number) => void (this.leaveCode = code),
    };
    const voice = {
      print: (line: string): void => void this.printed.push(line),
      note: (note: WorkNote): void => void this.notes.push(note),
    };
    this.channel = new DynamoWorkChannel(boot, this.#client, listener, voice, queue);
    this.channel.start();
  }

  /** As the main thread would report it. */
  set(value: Json, event?: WorkEvent, field = 'n'): void {
    const op: Operation = { op: 'replace', path: `/vars/${field}`, value };
    this.#post(formatTail([op], event));
  }

  emit(event: WorkEvent): void {
    this.#post(formatTail([], event));
  }

  close(): void {
    this.channel.close();
    this.#client.destroy();
  }

  #post(tail: string): void {
    this.posts += 1;
    this.channel.post(tail);
    this.channel.given(this.posts);
  }
}
