import fc from 'fast-check';
import { describe } from 'vitest';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { StoreLease } from '../../../runtime/ports/state-store.ts';
import {
  foldTurn,
  type StoredApp,
  type TurnRecord,
} from '../../../runtime/protocol/turn-record.ts';
import { test, type DynamoDbRig } from '../../support/dynamodb.ts';
import { Interleaver } from './interleaver.ts';
import { clientAt, IMPATIENT, storeOver, UNAWARE } from './store-place.ts';

const APP = 'app';

/** A flow that writes names into a list until it is told that another one acts. */
class Writer {
  readonly client: DynamoDBClient;
  readonly acknowledged: string[] = [];
  /** What it found when it came. */
  loaded: readonly string[] = [];
  /** 0 when it never came to act. */
  fence = 0;
  wasFenced = false;
  readonly #name: string;
  readonly #open: () => Promise<StoreLease>;
  #app: StoredApp = { version: 0, document: { list: [] }, marks: {}, meta: {} };

  constructor(name: string, rig: DynamoDbRig, turns: number, app: string) {
    this.#name = name;
    this.client = clientAt(rig.endpoint);
    const store = storeOver(
      { client: this.client, tables: rig.tables },
      {
        timings: { ...UNAWARE, ...IMPATIENT },
        leaseWaitMs: Number.POSITIVE_INFINITY,
        limits: { turns },
      },
    );
    this.#open = () => store.open(app);
  }

  async write(count: number): Promise<void> {
    let lease: StoreLease;
    try {
      lease = await this.#open();
    } catch (error) {
      // The next one came while this one was still reading, or an answer that `open` needs was lost.
      const expected: unknown[] = ['STORE_CONFLICT', 'STORE_UNREACHABLE'];
      if (!expected.includes((error as { code?: string }).code)) throw error;
      this.wasFenced = true;
      return;
    }
    this.fence = lease.fence;
    this.#app = (await lease.load()) ?? this.#app;
    this.loaded = [...listOf(this.#app)];
    for (let n = 0; n < count && !this.wasFenced; n += 1) {
      const value = `${this.#name}${n}`;
      const turn = this.#turn(value);
      this.#app = foldTurn(this.#app, turn);
      const app = this.#app;
      const result = await lease.commit(turn, () => app);
      if (result.ok) this.acknowledged.push(value);
      else this.wasFenced = true;
    }
  }

  #turn(value: string): TurnRecord {
    const version = this.#app.version + 1;
    const ops: TurnRecord['ops'] =
      version === 1
        ? [{ op: 'add', path: '', value: { list: [value] } }]
        : [{ op: 'add', path: '/list/-', value }];
    return { version, at: 0, ops, marks: {}, meta: {} };
  }
}

describe('when another holder takes over', () => {
  test(
    'no commit that was acknowledged is missed by whoever comes later, in any order of requests and answers',
    { timeout: 240_000 },
    async ({ dynamodb, expect }) => {
      const choice = fc.record({
        pick: fc.nat(7),
        losesAnswer: fc.boolean(),
      });
      let fenced = 0;
      let run = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(choice, { maxLength: 60 }),
          fc.integer({ min: 2, max: 3 }),
          fc.integer({ min: 2, max: 30 }),
          async (choices, count, turns) => {
            run += 1;
            const rig = dynamodb;
            const app = `${APP}-${run}`;
            const writers = Array.from(
              { length: count },
              (_, index) => new Writer('abc'.charAt(index), rig, turns, app),
            );
            const interleaver = new Interleaver(choices);
            for (const writer of writers) interleaver.watch(writer.client);
            await interleaver.drive(Promise.all(writers.map((writer) => writer.write(5))));
            const last = new Writer('z', rig, 1_000, app);
            await last.write(0);
            const final = last.loaded;
            expect(last.wasFenced).toBe(false);
            expect(new Set(final).size).toBe(final.length);
            for (const writer of writers) {
              if (writer.loaded.length > 0)
                expect(final.slice(0, writer.loaded.length)).toEqual(writer.loaded);
              const own = final.slice(writer.loaded.length, writer.loaded.length + 5);
              expect(own.slice(0, writer.acknowledged.length)).toEqual(writer.acknowledged);
              const later = writers.filter(({ fence }) => fence > writer.fence);
              for (const { loaded } of later)
                expect(loaded).toEqual(expect.arrayContaining(writer.acknowledged));
              if (writer.wasFenced) fenced += 1;
            }
            for (const { client } of [...writers, last]) client.destroy();
          },
        ),
        { numRuns: 25 },
      );
      // Otherwise the orders that matter were not among those tried.
      expect(fenced).toBeGreaterThan(5);
    },
  );
});

function listOf(app: StoredApp): readonly string[] {
  return app.document['list'] as readonly string[];
}
