import { afterEach, describe, test } from 'vitest';
import { connect } from '../../../runtime/client/index.ts';
import { findUrl } from '../../../runtime/client/find-url.ts';
import { Replica } from '../../../runtime/client/replica.ts';
import { isSameValue, selectorOf } from '../../../runtime/client/selection.ts';
import { Writes } from '../../../runtime/client/writes.ts';
import { appError, onBackgroundFailure } from '../../../runtime/errors/index.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { uncaughtIn } from '../../support/uncaught-in.ts';

describe('isSameValue', () => {
  test('compares plain values by what they hold, and others by what they are', ({ expect }) => {
    const date = new Date(0);
    expect(isSameValue({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
    expect(isSameValue(Number.NaN, Number.NaN)).toBe(true);
    expect(isSameValue(date, date)).toBe(true);
    const different: [unknown, unknown][] = [
      [{ a: 1 }, { a: 2 }],
      [{ a: 1 }, { a: 1, b: 1 }],
      [{ a: undefined }, { b: undefined }],
      [[1], [1, 2]],
      [[], {}],
      [date, new Date(0)],
      [new Map(), new Map()],
      [null, {}],
      [0, false],
    ];
    for (const [a, b] of different) expect(isSameValue(a, b)).toBe(false);
  });
});

describe('a selection', () => {
  test('is the same object as long as what it selects does not change', ({ expect }) => {
    const replica = new Replica();
    const work = { vars: { loss: 1 }, calls: { latest_call_hash: null }, changes: {} };
    replica.load(1, { vars: { n: 1 }, works: { a: work, b: structuredClone(work) } });
    const select = selectorOf((state: { a: object; b: object }) => state);
    const read = () => select(replica.document ?? {}) as { a: object; b: object };
    const before = read();
    replica.apply({ version: 2, ops: [{ op: 'replace', path: '/works/a/vars/loss', value: 2 }] });
    const after = read();
    expect(after).not.toBe(before);
    expect(after.a).not.toBe(before.a);
    expect(after.b).toBe(before.b);
    expect(() => Object.assign(after.b, { loss: 3 })).toThrow(TypeError);
  });

  test('by a pointer refuses what is none', ({ expect }) => {
    expect(() => selectorOf('vars')).toThrow(
      expect.objectContaining({ code: 'STATE_POINTER_INVALID' }),
    );
  });
});

describe('a failed write', () => {
  const rig = (onError?: (error: Error) => void): Writes => {
    const replica = new Replica();
    replica.load(1, { vars: { n: 1 } });
    return new Writes(replica, {
      send: () => Promise.reject(appError('SERVER_UNREACHABLE', { url: 'u', problem: 'p' })),
      reached: () => Promise.resolve(),
      onError,
    });
  };
  const write = (writes: Writes): void =>
    writes.write('/vars/n', [{ op: 'replace', path: '/vars/n', value: 2 }]);

  test('that nobody waits for is uncaught, unless onError hears it', async ({ expect }) => {
    const uncaught: unknown[] = [];
    let told: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => {
      told = resolve;
    });
    const restore = onBackgroundFailure((error) => {
      uncaught.push(error);
      told();
    });
    try {
      write(rig());
      await heard;
      expect(uncaught).toMatchObject([{ code: 'SERVER_UNREACHABLE' }]);
      const waiting = rig();
      write(waiting);
      await expect(waiting.settled()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
      const errors: Error[] = [];
      const told2 = rig((error) => errors.push(error));
      write(told2);
      await expect(told2.settled()).rejects.toThrow();
      expect(errors).toHaveLength(1);
      expect(uncaught).toHaveLength(1);
    } finally {
      restore();
    }
  });
});

describe('an onError that throws', () => {
  test('is uncaught, and what was written meanwhile is sent', async ({ expect }) => {
    const replica = new Replica();
    replica.load(1, { vars: { n: 1, m: 1 } });
    const sent: (readonly Operation[])[] = [];
    let refuse: () => void = () => undefined;
    const writes = new Writes(replica, {
      send: (ops) => {
        sent.push(ops);
        return new Promise((resolve, reject) => {
          if (sent.length > 1) resolve(2);
          else refuse = () => reject(appError('SERVER_UNREACHABLE', { url: 'u', problem: 'p' }));
        });
      },
      reached: () => Promise.resolve(),
      onError: () => {
        throw new Error('mine');
      },
    });
    const write = (path: string): void => writes.write(path, [{ op: 'replace', path, value: 2 }]);
    const thrown = await uncaughtIn(async () => {
      write('/vars/n');
      const settled = writes.settled();
      await Promise.resolve();
      write('/vars/m');
      refuse();
      await expect(settled).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
      await writes.settled();
    });
    expect(sent).toHaveLength(2);
    expect(thrown).toMatchObject([{ message: 'mine' }]);
  });
});

describe('the address of the app', () => {
  const before = process.env['STORMKITE_STATE_URL'];
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'location');
    if (before === undefined) delete process.env['STORMKITE_STATE_URL'];
    else process.env['STORMKITE_STATE_URL'] = before;
  });

  test('is what the app told the program that it started', ({ expect }) => {
    delete process.env['STORMKITE_STATE_URL'];
    expect(() => connect()).toThrow(expect.objectContaining({ code: 'CLIENT_URL_MISSING' }));
    process.env['STORMKITE_STATE_URL'] = 'http://127.0.0.1:7501/api/v1/state';
    expect(findUrl()).toBe('http://127.0.0.1:7501/api/v1/state');
  });

  test.for([
    ['http://h:1/frontends/root/', 'http://h:1/'],
    ['http://h:1/team/frontends/root/deep/page.html?x=1', 'http://h:1/team/'],
    ['http://h:1/team/works/root.a%20b/lab', 'http://h:1/team/'],
    ['https://h/view', 'https://h/'],
    ['https://h/', 'https://h/'],
  ])('of the page %s is %s', ([href = '', url = ''], { expect }) => {
    Object.defineProperty(globalThis, 'location', { value: { href }, configurable: true });
    expect(findUrl()).toBe(url);
  });
});
