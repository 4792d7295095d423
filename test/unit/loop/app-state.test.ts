/** What the host says of an app beside its stage. */
import { App } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { describe, test } from 'vitest';
import { open, OneStep } from './one-step.ts';

describe('what the host says of an app', () => {
  test('stands in the state, reaches clients as a change, and wants no turn', async ({
    expect,
  }) => {
    const app = await open();
    await app.settle();
    const { turns } = app.loop;
    app.loop.setAppState('cost', { perHour: 0.5 });
    await app.settle();
    await app.advance('1 minute');
    expect(app.state['app_state']).toEqual({ stage: 'running', cost: { perHour: 0.5 } });
    app.loop.setAppState('cost', { perHour: 0 });
    await app.settle();
    await app.advance('1 minute');
    const ops = app.events.flatMap((event) => (event.type === 'delta' ? event.ops : []));
    expect(ops.filter(({ path }) => path === '/app_state/cost')).toEqual([
      { op: 'add', path: '/app_state/cost', value: { perHour: 0.5 } },
      { op: 'replace', path: '/app_state/cost', value: { perHour: 0 } },
    ]);
    expect(app.loop.turns).toBe(turns);
    await app.close();
  });

  test('is there again after a restart, and the stage is the new run’s own', async ({ expect }) => {
    const app = await testApp(() => new App(new OneStep(), { idleTurn: null }));
    app.loop.setAppState('cost', { total: 3 });
    await app.settle();
    const again = await app.restart();
    expect(again.state['app_state']).toEqual({ stage: 'running', cost: { total: 3 } });
    await again.close();
  });

  test('cannot be its stage', async ({ expect }) => {
    const app = await open();
    expect(() => app.loop.setAppState('stage', 'stopped')).toThrow(TypeError);
    await app.close();
  });
});
