/**
 * A table of deltas and its stream whose every move is up to the test: what the stream shows, where, how often, and which requests
 * fail. For what DynamoDB Local cannot show: several shards, splits, trimming, expiry, throttling.
 */
import {
  DescribeTableCommand,
  QueryCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type DynamoDBStreamsClient,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams';
import { deltaSortKey } from '../../../runtime/backends/aws/contract.ts';
import { KEY } from './work-rig.ts';

/** Shards that one answer lists, and records that one answer has. */
const SHARDS_PER_PAGE = 2;
const RECORDS_PER_PAGE = 3;

interface Shard {
  readonly parent: string | undefined;
  readonly records: _Record[];
  /** Records before this index were trimmed. */
  trimmed: number;
  closed: boolean;
}

type Operation = 'DescribeTable' | 'Query' | 'DescribeStream' | 'GetShardIterator' | 'GetRecords';

export class ScriptedTable {
  readonly client: DynamoDBClient;
  readonly streams: DynamoDBStreamsClient;
  /** Names of the errors that the next requests of a kind answer with. */
  readonly faults: Record<Operation, string[]> = {
    DescribeTable: [],
    Query: [],
    DescribeStream: [],
    GetShardIterator: [],
    GetRecords: [],
  };
  readonly requests: Operation[] = [];
  /** Name of the stream; another one knows none of the shards. */
  stream = 'one';
  readonly #items: Record<string, AttributeValue>[] = [];
  readonly #shards = new Map<string, Shard>();
  #sequence = 0;

  constructor(shards: readonly string[] = ['a']) {
    for (const shard of shards) this.addShard(shard);
    // Only `send` of a client is ever used.
    this.client = { send: (command: unknown) => this.#table(command) } as unknown as DynamoDBClient;
    this.streams = {
      send: (command: unknown) => this.#stream(command),
    } as unknown as DynamoDBStreamsClient;
  }

  /** Writes a delta; the stream shows it in these shards, in each as often as it is named. */
  write(seq: number, shards: readonly string[] = ['a'], text = textOf(seq)): void {
    const item = {
      pk: { S: KEY },
      sk: { S: deltaSortKey(seq) },
      e: { N: '1' },
      w: { S: `w${seq}` },
      v: { S: text },
    };
    this.#items.push(item);
    for (const shard of shards) this.show(item, shard);
  }

  show(image: Record<string, AttributeValue>, shard: string, eventName = 'INSERT'): void {
    this.#sequence += 1;
    this.#shards.get(shard)?.records.push({
      eventName: eventName === 'REMOVE' ? 'REMOVE' : 'INSERT',
      dynamodb: { NewImage: image, SequenceNumber: String(this.#sequence).padStart(21, '0') },
    });
  }

  addShard(id: string, parent?: string): void {
    this.#shards.set(id, { parent, records: [], trimmed: 0, closed: false });
  }

  closeShard(id: string): void {
    const shard = this.#shards.get(id);
    if (shard) shard.closed = true;
  }

  /** A shard ends, and its children go on. */
  split(id: string, ...children: readonly string[]): void {
    this.closeShard(id);
    for (const child of children) this.addShard(child, id);
  }

  /** The oldest records of a shard are gone. */
  trim(id: string): void {
    const shard = this.#shards.get(id);
    if (shard) shard.trimmed = shard.records.length;
  }

  /** The stream is turned off and on: another one begins. */
  restart(stream: string, shards: readonly string[]): void {
    this.stream = stream;
    this.#shards.clear();
    for (const shard of shards) this.addShard(shard);
  }

  async #table(command: unknown): Promise<unknown> {
    if (command instanceof DescribeTableCommand) {
      this.#begin('DescribeTable');
      return { Table: { LatestStreamArn: this.stream } };
    }
    if (!(command instanceof QueryCommand)) throw new TypeError('not scripted');
    this.#begin('Query');
    const from = command.input.ExpressionAttributeValues?.[':from']?.S ?? '';
    const found = this.#items.filter((item) => (item['sk']?.S ?? '') >= from);
    return { Items: found.toSorted((a, b) => (String(a['sk']?.S) < String(b['sk']?.S) ? -1 : 1)) };
  }

  async #stream(command: unknown): Promise<unknown> {
    if (command instanceof DescribeStreamCommand) return this.#describe(command);
    if (command instanceof GetShardIteratorCommand) return this.#iterator(command);
    if (command instanceof GetRecordsCommand) return this.#records(command);
    throw new TypeError('not scripted');
  }

  #describe({ input }: DescribeStreamCommand): unknown {
    this.#begin('DescribeStream');
    if (input.StreamArn !== this.stream) throw failure('ResourceNotFoundException');
    const all = [...this.#shards];
    const start = all.findIndex(([id]) => id === input.ExclusiveStartShardId) + 1;
    const page = all.slice(start, start + SHARDS_PER_PAGE);
    const Shards = page.map(([ShardId, { parent, closed }]) => ({
      ShardId,
      ParentShardId: parent,
      SequenceNumberRange: closed ? { EndingSequenceNumber: '9' } : {},
    }));
    const isLast = start + SHARDS_PER_PAGE >= all.length;
    return {
      StreamDescription: { Shards, ...(isLast ? {} : { LastEvaluatedShardId: page.at(-1)?.[0] }) },
    };
  }

  #iterator({ input }: GetShardIteratorCommand): unknown {
    this.#begin('GetShardIterator');
    const shard = this.#shards.get(input.ShardId ?? '');
    if (!shard || input.StreamArn !== this.stream) throw failure('ResourceNotFoundException');
    const { records, trimmed } = shard;
    let at = input.ShardIteratorType === 'LATEST' ? records.length : trimmed;
    if (input.ShardIteratorType === 'AFTER_SEQUENCE_NUMBER') {
      at =
        1 + records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === input.SequenceNumber);
      if (at < trimmed) throw failure('TrimmedDataAccessException');
    }
    return { ShardIterator: JSON.stringify([this.stream, input.ShardId, at]) };
  }

  #records({ input }: GetRecordsCommand): unknown {
    this.#begin('GetRecords');
    const [stream, id, at] = JSON.parse(input.ShardIterator ?? '') as [string, string, number];
    const shard = this.#shards.get(id);
    if (!shard || stream !== this.stream) throw failure('ResourceNotFoundException');
    if (at < shard.trimmed) throw failure('TrimmedDataAccessException');
    const Records = shard.records.slice(at, at + RECORDS_PER_PAGE);
    const next = at + Records.length;
    const isOver = shard.closed && next === shard.records.length;
    return {
      Records,
      ...(isOver ? {} : { NextShardIterator: JSON.stringify([stream, id, next]) }),
    };
  }

  #begin(operation: Operation): void {
    this.requests.push(operation);
    const fault = this.faults[operation].shift();
    if (fault !== undefined) throw failure(fault);
  }
}

function failure(name: string): Error {
  return Object.assign(new Error(name), { name });
}

/** Text of a record that sets `n` to its `seq`. */
function textOf(seq: number): string {
  return JSON.stringify({ ops: [{ op: 'replace', path: '/vars/n', value: seq }] });
}
