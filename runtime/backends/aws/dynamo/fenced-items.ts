/**
 * Small records of the flow under `A#<app>`: runs of works, machines.
 *
 * F1 Every item carries the `fence` of who wrote it last, and nobody with an older fence changes or deletes it.
 * F2 An item that a newer holder has not written yet is not protected by its fence. That is enough where what follows from
 *    a record (a launch) also takes a commit, which the log refuses (`turn-log.ts`), or has a name of its own (R5).
 */
import {
  DeleteItemCommand,
  PutItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { appKey } from '../contract.ts';
import { itemKey } from './chunks.ts';
import { isRefusal, toStoreError } from './dynamo-errors.ts';
import type { Lease } from './lease.ts';
import { AFTER_ALL, queryAll } from './query.ts';

type Item = Record<string, AttributeValue>;

/** Attribute that holds the fence. */
const FENCE = 'fence';
const CONDITION = 'attribute_not_exists(#fence) OR #fence <= :fence';

export interface FencedItemsPlace {
  readonly client: DynamoDBClient;
  /** Name of the table `State`. */
  readonly table: string;
  readonly app: string;
  readonly lease: Lease;
}

export class FencedItems {
  readonly #place: FencedItemsPlace;

  constructor(place: FencedItemsPlace) {
    this.#place = place;
  }

  /**
   * Writes an item whole, over what was there; `pk`, `sk` and `fence` are set here.
   *
   * @throws `STORE_UNREACHABLE`
   */
  put(sk: string, attributes: Readonly<Item>): Promise<'written' | 'fenced'> {
    const { client, table, app, lease } = this.#place;
    const item = { ...attributes, ...itemKey(appKey(app), sk), [FENCE]: this.#fence() };
    return this.#write(() =>
      client.send(new PutItemCommand({ TableName: table, Item: item, ...this.#condition() }), {
        abortSignal: lease.lost,
      }),
    );
  }

  /**
   * Deletes an item; one that is not there is fine.
   *
   * @throws `STORE_UNREACHABLE`
   */
  delete(sk: string): Promise<'written' | 'fenced'> {
    const { client, table, app, lease } = this.#place;
    const key = itemKey(appKey(app), sk);
    return this.#write(() =>
      client.send(new DeleteItemCommand({ TableName: table, Key: key, ...this.#condition() }), {
        abortSignal: lease.lost,
      }),
    );
  }

  /**
   * Items whose sort key begins with `prefix`, in its order, as written last.
   *
   * @throws `STORE_UNREACHABLE`
   */
  async query(prefix: string): Promise<Item[]> {
    const { client, table, app } = this.#place;
    const range = { from: prefix, to: prefix + AFTER_ALL, consistent: true };
    const items: Item[] = [];
    try {
      for await (const item of queryAll(client, { table, pk: appKey(app), ...range }))
        items.push(item);
    } catch (error) {
      throw toStoreError(error, table);
    }
    return items;
  }

  /** Whether this flow may still act: at once while its lease is fresh, else after the renewal that tells. */
  confirm(): Promise<boolean> {
    return this.#place.lease.confirm();
  }

  async #write(send: () => Promise<unknown>): Promise<'written' | 'fenced'> {
    const { lease, table } = this.#place;
    if (!(await lease.confirm())) return 'fenced';
    try {
      await send();
      return 'written';
    } catch (error) {
      if (isRefusal(error)) lease.lose();
      if (lease.isLost) return 'fenced';
      throw toStoreError(error, table);
    }
  }

  #fence(): AttributeValue {
    return { N: String(this.#place.lease.fence) };
  }

  #condition() {
    return {
      ConditionExpression: CONDITION,
      ExpressionAttributeNames: { '#fence': FENCE },
      ExpressionAttributeValues: { ':fence': this.#fence() },
    };
  }
}
