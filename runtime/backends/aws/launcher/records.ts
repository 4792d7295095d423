/** Where rows are kept: items of the app in table `State`, written by the holder of its lease only (R4). */
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { appError } from '../../../errors/index.ts';
import type { WorkSpec } from '../../../protocol/work-spec.ts';
import { inputSortKey, SORT_KEY, TTL_ATTRIBUTE } from '../contract.ts';
import { itemKey, putText } from '../dynamo/chunks.ts';
import type { FencedItems } from '../dynamo/fenced-items.ts';
import { AFTER_ALL, queryAll } from '../dynamo/query.ts';
import { removeItems } from '../dynamo/remove-items.ts';
import {
  MACHINE_PREFIX,
  machineSortKey,
  parseMachineRow,
  parseRunRow,
  RUN_PREFIX,
  runSortKey,
  type MachineRow,
  type RunRow,
} from './rows.ts';

/** How long the row of a run that ended stays readable. */
const ENDED_TTL_DAYS = 7;
/** How long what a run is started with stays, from its launch on: nobody removes that of a work that was deleted. */
const INPUT_TTL_DAYS = 30;
/** How long costs of a machine can be counted after it is gone. */
const MACHINE_TTL_DAYS = 400;
const DAY_SECONDS = 86_400;
const ROW_ATTRIBUTE = 'v';

type Item = Record<string, AttributeValue>;

/** Fenced writes below an app's key. */
export type FencedRecords = Pick<FencedItems, 'put' | 'delete' | 'query'>;

/** What a launcher needs of them. */
export type LauncherItems = FencedRecords & Pick<FencedItems, 'confirm'>;

/** The work's own items, which are outside of the app's key. */
export interface InputPlace {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** Token of the app's lease. */
  readonly fence: number;
}

export class LauncherRecords {
  readonly #records: LauncherItems;
  readonly #inputs: InputPlace;
  readonly #app: string;

  constructor(app: string, records: LauncherItems, inputs: InputPlace) {
    this.#app = app;
    this.#records = records;
    this.#inputs = inputs;
  }

  /**
   * To be awaited before anything is done to AWS that no row of this step was written for: a flow that stood still may have
   * been replaced meanwhile (R4).
   *
   * @throws `STORE_CONFLICT` when another flow holds the lease
   */
  async confirm(): Promise<void> {
    if (!(await this.#records.confirm())) this.#check('fenced');
  }

  async load(): Promise<{ readonly runs: RunRow[]; readonly machines: MachineRow[] }> {
    const [runs, machines] = await Promise.all([
      this.#records.query(RUN_PREFIX),
      this.#records.query(MACHINE_PREFIX),
    ]);
    return {
      runs: runs.map(parseRunItem),
      machines: machines.map((item) => parseMachineRow(textOf(item))),
    };
  }

  async saveRun(row: RunRow): Promise<void> {
    await this.#put(runSortKey(row), row, row.end === null ? null : row.end.at, ENDED_TTL_DAYS);
  }

  async saveMachine(row: MachineRow): Promise<void> {
    await this.#put(machineSortKey(row.instanceId), row, row.terminatedAt, MACHINE_TTL_DAYS);
  }

  /** Removes a run that ended, with what it was started with. */
  async forgetRun(row: RunRow): Promise<void> {
    const { client, table } = this.#inputs;
    const sk = inputSortKey(row.epoch);
    const keys: Item[] = [];
    for await (const item of queryAll(client, { table, pk: row.key, from: sk, to: sk + AFTER_ALL }))
      keys.push(itemKey(row.key, item[SORT_KEY]?.S ?? ''));
    await removeItems(client, table, keys);
    this.#check(await this.#records.delete(runSortKey(row)));
  }

  /**
   * Puts what the work's task reads when it starts.
   *
   * @throws `STORE_CONFLICT` when another flow holds the lease
   */
  async saveInput(row: RunRow, spec: WorkSpec): Promise<void> {
    const { client, table } = this.#inputs;
    const fence = { N: String(this.#inputs.fence) };
    const done = await putText(client, {
      table,
      pk: row.key,
      sk: inputSortKey(row.epoch),
      text: JSON.stringify(spec),
      attributes: { fence },
      // A launch that waits longer finds none, and is made anew.
      ttlSeconds: Number(secondsAfter(row.createdAt, INPUT_TTL_DAYS)),
      condition: {
        expression: 'attribute_not_exists(fence) OR fence <= :mine',
        values: { ':mine': fence },
      },
    });
    this.#check(done === 'refused' ? 'fenced' : done);
  }

  /** @param endedAt - epoch milliseconds from which its days count; `null` while it does not expire */
  async #put(
    sk: string,
    row: RunRow | MachineRow,
    endedAt: number | null,
    days: number,
  ): Promise<void> {
    const ttl = endedAt === null ? {} : { [TTL_ATTRIBUTE]: { N: secondsAfter(endedAt, days) } };
    const attributes = { [ROW_ATTRIBUTE]: { S: JSON.stringify(row) }, ...ttl };
    this.#check(await this.#records.put(sk, attributes));
  }

  #check(done: 'written' | 'fenced'): void {
    if (done === 'fenced') throw appError('STORE_CONFLICT', { app: this.#app });
  }
}

/** Reads an item below {@link RUN_PREFIX}. */
export function parseRunItem(item: Item): RunRow {
  return parseRunRow(textOf(item));
}

function textOf(item: Item): string {
  return item[ROW_ATTRIBUTE]?.S ?? '';
}

function secondsAfter(at: number, days: number): string {
  return String(Math.ceil(at / 1_000) + days * DAY_SECONDS);
}
