import { describe } from 'vitest';
import { BACKENDS, test } from '../../test/support/cli.ts';

/** With the emulated AWS to start and to end. */
const TIMEOUT_MS = 150_000;

describe('a work outside of any app', () => {
  test('runs once for equal arguments, and every time without caching', async ({ cli, expect }) => {
    const { code, stdout } = await cli.node(['--import', 'tsx', 'examples/caching/standalone.ts'])
      .finished;
    expect(code).toBe(0);
    expect(stdout.replaceAll('I received the following props: ', '').split('\n')).toEqual([
      'cacheCalls: true',
      '{"value":1}',
      '{"value":10}',
      'cacheCalls: false',
      '{"value":1}',
      '{"value":1}',
      '{"value":1}',
      '{"value":1}',
      '{"value":1}',
      '{"value":10}',
    ]);
  });
});

describe.for(BACKENDS)('%s', { timeout: TIMEOUT_MS }, ([, flags]) => {
  test('work that is given the day runs once a day', async ({ cli, expect }) => {
    const app = cli.run('examples/caching/app.ts', {}, flags);
    const [, today = ''] = await app.line(/^(\S+) is done$/);
    const tomorrow = new Date(Date.parse(today) + 86_400_000).toISOString().slice(0, 10);

    await cli.json('state', 'set', '/vars/daysAhead', '1');
    await app.line(new RegExp(`^${tomorrow} is done$`));
    await cli.json('state', 'set', '/vars/daysAhead', '0');
    await cli.json('state', 'set', '/vars/daysAhead', '1');

    expect((await app.interrupt()).code).toBe(130);
    expect(app.lines.filter((line) => line.startsWith('['))).toEqual([
      `[root.dataProcessor] processed ${today}`,
      `[root.trainModel] trained on measurements of ${today}`,
      `[root.dataProcessor] processed ${tomorrow}`,
      `[root.trainModel] trained on measurements of ${tomorrow}`,
    ]);
  });

  test('what comes after a work that is neither parallel nor cached is never reached', async ({
    cli,
    expect,
  }) => {
    const app = cli.run('examples/caching/unreachable.ts', {}, flags);
    await app.line(/^\[root\.work\] run 5$/);
    expect((await app.interrupt()).code).toBe(130);
    const flow = app.lines.filter((line) => line.startsWith('HERE'));
    expect(new Set(flow)).toEqual(new Set(['HERE BEFORE']));
    expect(flow.length).toBeGreaterThanOrEqual(5);
  });
});
