import { describe, test } from 'vitest';
import { ManualClock } from '../../../runtime/backends/memory/manual-clock.ts';
import { App, Flow, type Layout } from '../../../runtime/index.ts';
import { keepLayout } from '../../../runtime/loop/layout-keeper.ts';
import type { CommittedTurn } from '../../../runtime/protocol/events.ts';

class Root extends Flow {
  readings = 0;
  run(): void {}
  override configureLayout(): Layout {
    return `http://reading-${(read += 1)}`;
  }
}
let read = 0;

/** Lets time go by. */
function pass(clock: ManualClock, ms: number): void {
  for (let rest: number | null = ms; rest !== null;) rest = clock.runTimerWithin(rest);
}

function keep() {
  read = 0;
  const clock = new ManualClock();
  const urls: string[] = [];
  const listeners = new Set<(turn: CommittedTurn) => void>();
  const loop = {
    isTurning: false,
    commits: (handler: (turn: CommittedTurn) => void) => {
      listeners.add(handler);
      return () => void listeners.delete(handler);
    },
  };
  const end = keepLayout({
    root: new App(new Root()).flow,
    clock,
    loop,
    changed: ({ tabs }) =>
      urls.push(...tabs.map(({ content }) => (content.kind === 'url' ? content.url : ''))),
  });
  const commit = (): void => {
    for (const each of listeners) each({ version: 1, at: 0, ops: [], sources: [] });
  };
  return { clock, urls, loop, commit, end, listeners };
}

describe('a layout that is kept', () => {
  test('is read at once, and not again while nothing changes', ({ expect }) => {
    const { clock, urls } = keep();
    pass(clock, 60_000);
    expect(urls).toEqual(['http://reading-1/']);
  });

  test('is read once for many changes at a time', ({ expect }) => {
    const { clock, urls, commit } = keep();
    for (let i = 0; i < 50; i += 1) commit();
    pass(clock, 100);
    expect(urls).toHaveLength(2);
    commit();
    commit();
    pass(clock, 50);
    expect(urls).toHaveLength(2);
    pass(clock, 50);
    expect(urls).toHaveLength(3);
  });

  test('waits for a turn to end', ({ expect }) => {
    const { clock, urls, loop, commit } = keep();
    loop.isTurning = true;
    commit();
    pass(clock, 1_000);
    expect(urls).toHaveLength(1);
    loop.isTurning = false;
    pass(clock, 100);
    expect(urls).toHaveLength(2);
  });

  test('is read no more when that was ended', ({ expect }) => {
    const { clock, urls, commit, end, listeners } = keep();
    commit();
    end();
    pass(clock, 1_000);
    expect(urls).toHaveLength(1);
    expect(listeners.size).toBe(0);
  });
});
