import { setTimeout as sleep } from 'node:timers/promises';
import { test, vi } from 'vitest';
import { App, type Flow } from 'stormkite';
import { testApp } from 'stormkite/testing';
import { exitCodeOfResult } from '../../runtime/host/exit-codes.ts';
import type { AppEvent } from '../../runtime/protocol/events.ts';
import { cases, type Case } from './cases.ts';
import { compared, expected, type Observed } from './observe.ts';

const DEADLINE_MS = 20_000;
const STEP_MS = 5;

for (const wanted of cases) {
  const reason = wanted.except?.memory;
  if (reason !== undefined)
    test(`${wanted.title} (not in memory: ${reason})`, ({ skip }) => skip(reason));
  else
    test(wanted.title, async ({ expect }) => {
      expect(compared(await run(wanted), wanted)).toEqual(expected(wanted));
    });
}

/** Runs the app's works in this process, its clock as fast as the real one. */
async function run({ file, printed = {} }: Case): Promise<Observed> {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...parts: unknown[]) => {
    lines.push(parts.join(' '));
  });
  try {
    const { Root } = (await import(file)) as { Root: new () => Flow };
    const test = await testApp(() => new App(new Root()), { works: 'run', startWithFlow: true });
    const end = performance.now() + DEADLINE_MS;
    while (test.result === null && performance.now() < end) {
      const before = performance.now();
      await sleep(STEP_MS);
      await test.advance(performance.now() - before);
    }
    const { result } = test;
    if (result === null)
      throw new Error(`it did not end: ${JSON.stringify(test.events.slice(-10))}`);
    const { stage, message } = result;
    const ended = { type: 'stage', at: 0, stage, message } as AppEvent;
    return {
      exit: exitCodeOfResult(result),
      events: [...test.events, ended],
      // Nobody knows here which work printed what.
      printed: Object.fromEntries(
        Object.entries(printed).map(([work, own]) => [
          work,
          lines.filter((line) => own.includes(line)),
        ]),
      ),
      document: test.state,
    };
  } finally {
    log.mockRestore();
  }
}
