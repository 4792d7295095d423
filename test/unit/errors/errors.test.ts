import { describe, test } from 'vitest';
import {
  appError,
  background,
  fromWire,
  isAppError,
  onBackgroundFailure,
  renderError,
  toWire,
} from '../../../runtime/errors/index.ts';

describe('errors', () => {
  test('a user error renders code, message, place, hint and docs', ({ expect }) => {
    const error = appError(
      'STATE_NOT_JSON',
      {
        subject: 'Train.history',
        what: 'a Map',
        advice: 'keep it in a #private field, or store Object.fromEntries(map)',
      },
      { at: 'root.train.history' },
    );
    // Where it was thrown: here, this test.
    expect(renderError(error)).toMatch(/^ {2}line {2}.*errors\.test\.ts:\d+:\d+$/m);
    expect(renderError(error).replace(/^ {2}line .*\n/m, '')).toMatchInlineSnapshot(`
      "✘ STATE_NOT_JSON  Train.history holds a Map, which cannot be stored
        at    root.train.history
        hint  keep it in a #private field, or store Object.fromEntries(map)
        docs  errors.md#state_not_json"
    `);
  });

  test('the line of a user error is none of a package', ({ expect }) => {
    const error = appError('CLI_USAGE', { problem: 'too many', command: 'stormkite ps' });
    const inPackage = '    at parse (/app/node_modules/commander/lib/command.js:1:2)';
    error.stack = `Error\n${inPackage}\n    at file:///app/node_modules/esbuild/main.js:3:4`;
    expect(renderError(error)).not.toContain('line');
    error.stack += '\n    at run (/app/flow.ts:5:6)';
    expect(renderError(error)).toMatch(/^ {2}line {2}\/app\/flow\.ts:5:6$/m);
  });

  test('an environment error shows its cause', ({ expect }) => {
    const cause = new Error('EACCES: permission denied');
    const error = appError(
      'STORE_UNREACHABLE',
      { where: '/data', problem: 'it cannot be opened' },
      { cause },
    );
    expect(renderError(error)).toContain('cause EACCES: permission denied');
    expect(error.retryable).toBe(true);
  });

  test('a foreign error renders with its stack', ({ expect }) => {
    expect(renderError(new TypeError('x is not a function'))).toContain('errors.test.ts');
  });

  test('an error keeps code, hint, place and causes across a process boundary', ({ expect }) => {
    const error = appError(
      'WORK_FAILED',
      { name: 'root.w', reason: 'user_exception', message: 'no data' },
      { at: 'root.w', cause: new RangeError('no data', { cause: 'a text' }) },
    );
    const copy = fromWire(JSON.parse(JSON.stringify(toWire(error))));
    expect(isAppError(copy, 'WORK_FAILED')).toBe(true);
    expect(copy).toMatchObject({
      message: error.message,
      hint: error.hint,
      at: 'root.w',
      stack: error.stack,
    });
    expect(copy.cause).toMatchObject({ name: 'RangeError', message: 'no data' });
    expect((copy.cause as Error).cause).toMatchObject({ message: 'a text' });
  });

  test('an error of an unknown code crosses as a plain error', ({ expect }) => {
    const copy = fromWire({ name: 'AppError', message: 'of a newer version', code: 'NEWER_CODE' });
    expect(isAppError(copy)).toBe(false);
    expect(copy.message).toBe('of a newer version');
  });

  test('a failure in the background reaches its handler with its owner', async ({ expect }) => {
    const heard: unknown[] = [];
    const restore = onBackgroundFailure((error) => heard.push(error));
    background(Promise.reject(new Error('gone')), 'the heartbeat');
    await new Promise((resolve) => setImmediate(resolve));
    restore();
    expect(heard).toHaveLength(1);
    expect(isAppError(heard[0], 'INTERNAL_BACKGROUND_FAILED')).toBe(true);
    expect(String(heard[0])).toContain('the heartbeat');
  });

  test('an error of ours that fails in the background says itself who has to act', async ({
    expect,
  }) => {
    const heard: unknown[] = [];
    const restore = onBackgroundFailure((error) => heard.push(error));
    const full = appError('STORE_UNREACHABLE', { where: '/store', problem: 'no space left' });
    background(Promise.reject(full), 'making deltas durable');
    await new Promise((resolve) => setImmediate(resolve));
    restore();
    expect(heard).toEqual([full]);
  });
});
