import { test } from '../../test/support/cli.ts';

test('ten million increments reach the flow while they are made', async ({ cli, expect }) => {
  const app = cli.run('examples/counter/app.ts');
  const { code, stderr } = await app.finished;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const values = app.lines.filter((line) => /^\d+$/.test(line)).map(Number);
  expect(values).toEqual(values.toSorted((a, b) => a - b));
  expect(values.at(-1)).toBe(10_000_000);
  // At least one on the way; how many a second is what `npm run bench -- scalar` measures.
  expect(values.some((value) => value > 0 && value < 10_000_000)).toBe(true);
});

test('what the flow writes to a running work never reaches it', async ({ cli, expect }) => {
  const app = cli.run('examples/counter/isolation.ts');
  const { code, stderr } = await app.finished;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const flow = app.lines.filter((line) => line.startsWith('Flow '));
  expect(flow).toEqual(Array.from({ length: 11 }, (_, n) => `Flow ${n}`));
  const work = new Set(app.lines.filter((line) => line.startsWith('[root.w]')));
  expect([...work]).toEqual(['[root.w] Work 0']);
});
