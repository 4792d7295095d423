import { afterAll, beforeAll, describe, test } from 'vitest';
import { AwsBench } from '../../../bench/aws-app.ts';
import { queueDeltas } from '../../../bench/aws.ts';

const WORKS = 50;
const EACH = 200;

describe('a flow that comes back to what 50 works wrote meanwhile', () => {
  let bench: AwsBench;
  beforeAll(async () => {
    bench = await AwsBench.open(WORKS);
  });
  afterAll(() => bench.close());

  test('has all 10,000 deltas in its state, each work its last one, and no later flow reads them again', async ({
    expect,
  }) => {
    let launched: () => void = () => undefined;
    const allLaunched = new Promise<void>((resolve) => {
      launched = resolve;
    });
    const first = await bench.flow(() => undefined, { launched });
    await allLaunched;
    await first.close();
    await queueDeltas(bench, EACH);

    const seen: (readonly number[])[] = [];
    let done: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    const second = await bench.flow((values) => {
      seen.push(values);
      if (values.every((n) => n === EACH)) done();
    });
    await all;
    await second.close();
    for (let work = 0; work < WORKS; work += 1) {
      const values = seen.map((each) => each[work] ?? 0);
      expect(values, 'nothing goes back').toEqual(values.toSorted((a, b) => a - b));
    }

    let told: (values: readonly number[]) => void = () => undefined;
    const found = new Promise<readonly number[]>((resolve) => {
      told = resolve;
    });
    const third = await bench.flow((values) => told(values));
    expect(await found).toEqual(Array.from({ length: WORKS }, () => EACH));
    await third.close();
  });
});
