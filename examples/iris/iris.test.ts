import { describe } from 'vitest';
import { test, type Program } from '../../test/support/cli.ts';
import { until } from '../../test/support/until.ts';
import { readFlowers, SPECIES, split } from './data.ts';
import { accuracyOf, fit, predict } from './model.ts';

const APP = 'examples/iris/app.ts';

describe('the iris data', () => {
  test('is the published data set', async ({ expect }) => {
    const flowers = await readFlowers();
    expect(
      SPECIES.map((species) => flowers.filter((flower) => flower.species === species).length),
    ).toEqual([50, 50, 50]);
    expect(means(flowers.map(({ sizes }) => sizes))).toEqual([5.843, 3.057, 3.758, 1.199]);
    // The two rows that the UCI file has wrong, as Fisher printed them.
    expect([flowers[34]?.sizes, flowers[37]?.sizes]).toEqual([
      [4.9, 3.1, 1.5, 0.2],
      [4.9, 3.6, 1.4, 0.1],
    ]);
  });

  test('is split by species, every flower once, the same for the same seed', async ({ expect }) => {
    const flowers = await readFlowers();
    const parts = split(flowers, 7);
    for (const [part, size] of [
      ['train', 30],
      ['validation', 10],
      ['test', 10],
    ] as const) {
      expect(
        SPECIES.map((species) => parts[part].filter((flower) => flower.species === species).length),
      ).toEqual([size, size, size]);
    }
    expect(new Set([...parts.train, ...parts.validation, ...parts.test]).size).toBe(flowers.length);
    expect(split(flowers, 7)).toEqual(parts);
    expect(split(flowers, 8)).not.toEqual(parts);
  });
});

test('a model learns, and learns the same again', async ({ expect }) => {
  const { train, test: unseen } = split(await readFlowers(), 7);
  const options = { hidden: [4], rate: 0.01, epochs: 100, seed: 1 };
  const epochs = [...fit(train, options)];
  const model = epochs.at(-1)?.model;
  expect(model && accuracyOf(model, unseen)).toBeGreaterThan(0.9);
  expect(epochs.at(-1)?.loss).toBeLessThan((epochs[0]?.loss ?? 0) / 2);
  expect([...fit(train, options)].at(-1)).toEqual(epochs.at(-1));
});

describe('the iris app', () => {
  test('trains in parallel, serves the best model, and reports its accuracy', async ({
    cli,
    expect,
  }) => {
    const app = cli.run(APP);
    const { code, stderr } = await app.finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const rows = candidates(app);
    expect(rows.map(({ name }) => name)).toEqual(['cautious', 'linear', 'small', 'large']);
    const [chosen, ...others] = rows.filter(({ isChosen }) => isChosen);
    expect(others).toEqual([]);
    expect(chosen?.accuracy).toBe(Math.max(...rows.map(({ accuracy }) => accuracy)));
    const [, served] = await app.line(/^\* chosen, served at (http:.*)$/);
    expect(served).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(app.lines.filter((line) => line.includes('; it is '))).toHaveLength(3);
    const [, accuracy] = await app.line(/^test accuracy ([\d.]+) %: \d+ of 30 /);
    expect(Number(accuracy)).toBeGreaterThan(90);
    await expect(fetch(String(served))).rejects.toThrow('fetch failed');
  });

  test('shows losses while it trains, a few lines for each candidate', async ({ cli, expect }) => {
    const app = cli.run(APP);
    expect((await app.finished).code).toBe(0);
    const epochs = app.lines.flatMap(
      (line) => /^(\w+) +epoch +(\d+) of 2000 +loss \d/.exec(line)?.slice(1, 3) ?? [],
    );
    const count = epochs.length / 2;
    expect(count).toBeGreaterThanOrEqual(4);
    expect(count).toBeLessThanOrEqual(16);
    expect(epochs.filter((epoch) => epoch === '2000')).toHaveLength(4);
    expect(count, 'some were seen on the way').toBeGreaterThan(4);
  });

  test('goes on serving when it is told to, with the trainers stopped', async ({ cli, expect }) => {
    const app = cli.run(APP, { SERVE: '1' });
    const [, url = ''] = await app.line(/^\* chosen, served at (http:.*)$/);
    await app.line(/^test accuracy /);

    const answer = await fetch(`${url}/?sizes=5.1,3.5,1.4,0.2`);
    expect(await answer.json()).toMatchObject({ species: 'setosa' });
    expect((await fetch(`${url}/?sizes=5.1,x`)).status).toBe(400);

    await until(
      'the trainers are stopped',
      async () =>
        JSON.stringify(await stages(cli)) ===
        JSON.stringify([
          'root.load stopped',
          'root.trainers.cautious stopped',
          'root.trainers.linear stopped',
          'root.trainers.small stopped',
          'root.trainers.large stopped',
          'root.serve running',
        ]),
    );
    const chosen = (await cli.json('state', 'get', '/vars/chosen')) as {
      model: Parameters<typeof predict>[0];
    };
    expect(predict(chosen.model, [5.1, 3.5, 1.4, 0.2])).toMatchObject({ species: 'setosa' });

    expect((await app.interrupt()).code).toBe(130);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });
});

function candidates({ lines }: Program): { name: string; isChosen: boolean; accuracy: number }[] {
  return lines.flatMap((line) => {
    const [, name = '', star, accuracy] =
      /^(\w+)( \*)? +\S+ +[\d.]+ +[\d.]+ +[\d.]+ +([\d.]+) %$/.exec(line) ?? [];
    return name === '' ? [] : [{ name, isChosen: star !== undefined, accuracy: Number(accuracy) }];
  });
}

async function stages(cli: { json(...args: string[]): Promise<unknown> }): Promise<string[]> {
  const { apps } = (await cli.json('ps')) as {
    apps: { works: { name: string; status: { stage: string } }[] }[];
  };
  return apps.flatMap(({ works }) => works.map(({ name, status }) => `${name} ${status.stage}`));
}

function means(rows: readonly (readonly number[])[]): number[] {
  return [0, 1, 2, 3].map((column) => {
    const sum = rows.reduce((total, row) => total + (row[column] ?? 0), 0);
    return Math.round((sum / rows.length) * 1_000) / 1_000;
  });
}
