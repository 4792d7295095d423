import { describe, test } from 'vitest';
import { appError } from '../../../runtime/errors/index.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import {
  Fields,
  guardPrototype,
  isTracked,
  snapshot,
  trackFields,
  type FieldsHooks,
} from '../../../runtime/state/tracked.ts';
import { codeOf, errorOf } from './code-of.ts';

abstract class Component {
  run(): void {
    // Nothing to do.
  }
}
guardPrototype(Component.prototype);

class Train extends Component {
  counter = 0;
  token: string | undefined = undefined;
  log: unknown[] = [{ v: 0 }, { v: 1 }];
  options: Record<string, unknown> = { a: { b: 1 } };
  _cache = 1;
  #secret = 7;
  #title = 't';

  get title(): string {
    return this.#title;
  }

  set title(value: string) {
    this.#title = value;
  }

  step(): number {
    this.counter += 1;
    this.#secret += 1;
    return this.#secret;
  }
}

class BigTrain extends Train {
  extra = true;

  override step(): number {
    return super.step() + 100;
  }
}

function track(instance: object, hooks?: FieldsHooks): Fields {
  return trackFields(instance, {
    subject: 'Train',
    at: () => 'root.train',
    ...(hooks ? { hooks } : {}),
  });
}

const set = (target: object, name: string, value: unknown): boolean =>
  Reflect.set(target, name, value);

describe('trackFields', () => {
  test('public fields become tracked and keep their names, values and order', ({ expect }) => {
    const train = new Train();
    const fields = track(train);
    expect(fields.names()).toEqual(['counter', 'token', 'log', 'options']);
    expect(fields.snapshot()).toEqual({
      counter: 0,
      log: [{ v: 0 }, { v: 1 }],
      options: { a: { b: 1 } },
    });
    expect('counter' in train && 'token' in train).toBe(true);
    const listed: string[] = [];
    for (const name in train) listed.push(name);
    expect(listed.sort()).toEqual(['_cache', 'counter', 'log', 'options', 'token']);
  });

  test('methods, private fields, super calls and instanceof keep working', ({ expect }) => {
    const train = new BigTrain();
    const fields = track(train);
    expect(train.step()).toBe(108);
    expect(train).toBeInstanceOf(Train);
    expect(train.constructor).toBe(BigTrain);
    expect(fields.drain()).toEqual([{ op: 'replace', path: '/counter', value: 1 }]);
  });

  test('instances of one class do not share values, and classes do not share fields', ({
    expect,
  }) => {
    const [a, b, big] = [new Train(), new Train(), new BigTrain()];
    for (const one of [a, b, big]) track(one);
    a.counter = 5;
    expect([a.counter, b.counter, big.counter]).toEqual([5, 0, 0]);
    expect(Fields.of(b)?.dirty).toBe(false);
    expect(Fields.of(a)?.has('extra')).toBe(false);
    expect(Fields.of(big)?.has('extra')).toBe(true);
  });

  test('adoption copies', ({ expect }) => {
    const shared = { a: [1] };
    const train = new Train();
    train.options = shared;
    const fields = track(train);
    shared.a.push(2);
    expect(fields.raw('options')).toEqual({ a: [1] });
  });

  test('a refused value leaves the instance as it was', ({ expect }) => {
    const train = new Train();
    set(train, 'bad', new Map());
    const error = errorOf(() => track(train));
    expect([error.code, error.at]).toEqual(['STATE_NOT_JSON', 'root.train.bad']);
    expect(Object.keys(train)).toContain('counter');
    expect(Fields.of(train)).toBeUndefined();
  });

  test('skipped fields stay plain', ({ expect }) => {
    const train = new Train();
    const child = new Train();
    set(train, 'child', child);
    const fields = trackFields(train, {
      subject: 'T',
      at: () => 'root',
      skip: (_, value) => value instanceof Component,
    });
    expect(fields.has('child')).toBe(false);
    expect(Reflect.get(train, 'child')).toBe(child);
  });

  test('a field can be declared later', ({ expect }) => {
    const train = new Train();
    const fields = track(train);
    train.counter = 3;
    fields.declare('late', { a: 1 });
    expect(fields.names()).toEqual(['counter', 'token', 'log', 'options', 'late']);
    expect(train.counter).toBe(3);
    const late = Reflect.get(train, 'late') as { a: number };
    late.a = 2;
    expect(fields.drain()).toEqual([
      { op: 'replace', path: '/counter', value: 3 },
      { op: 'replace', path: '/late/a', value: 2 },
    ]);
  });

  test('tracking twice gives the same fields', ({ expect }) => {
    const train = new Train();
    expect(track(train)).toBe(track(train));
  });
});

describe('reading', () => {
  test('a container is the same each time it is read', ({ expect }) => {
    const train = new Train();
    track(train);
    expect(train.log).toBe(train.log);
    expect(train.log[0]).toBe(train.log[0]);
    expect(train.log.indexOf(train.log[1])).toBe(1);
    expect(train.log.push).toBe(train.log.push);
    expect([...train.log][1]).toBe(train.log.at(1));
  });

  test('the plain containers of the state are never handed out', ({ expect }) => {
    const train = new Train();
    const fields = track(train);
    const found: unknown[] = [
      Object.getOwnPropertyDescriptor(train.options, 'a')?.value,
      Object.values(train.options)[0],
      train.log.find(() => true),
      train.log.slice()[0],
    ];
    train.log.sort((a, b) => {
      found.push(a, b);
      return 0;
    });
    expect(found.map(isTracked)).toEqual(found.map(() => true));
    (found[0] as { b: number }).b = 2;
    expect(fields.drain()).toEqual([{ op: 'replace', path: '/options/a/b', value: 2 }]);
  });

  test('snapshot gives a plain copy that can be cloned', ({ expect }) => {
    const train = new Train();
    track(train);
    const copy = snapshot(train.options);
    expect(isTracked(copy)).toBe(false);
    expect(structuredClone(copy)).toEqual({ a: { b: 1 } });
    expect(snapshot(5)).toBe(5);
    expect(snapshot(undefined)).toBeUndefined();
    expect(codeOf(() => snapshot(new Map()))).toBe('STATE_NOT_JSON');
  });

  test('an object that inherits from a tracked one is not tracked', ({ expect }) => {
    const train = new Train();
    const fields = track(train);
    const derived = Object.create(train.options) as Record<string, unknown>;
    derived['own'] = 1;
    expect(isTracked(derived)).toBe(false);
    expect(fields.drain()).toEqual([]);
  });
});

describe('guardPrototype', () => {
  test('an undeclared public field is refused by name', ({ expect }) => {
    const train = new Train();
    track(train);
    const error = errorOf(() => set(train, 'typo', 1));
    expect(error.code).toBe('STATE_FIELD_NOT_DECLARED');
    expect(error.message).toBe('Train.typo is not a declared field');
    expect(error.at).toBe('root.train.typo');
    expect('typo' in train).toBe(false);
  });

  test('underscored names, symbols and setters of the class work as usual', ({ expect }) => {
    const train = new Train();
    track(train);
    const key = Symbol('k');
    set(train, '_new', 1);
    Reflect.set(train, key, 2);
    train._cache = 3;
    train.title = 'x';
    expect([
      Reflect.get(train, '_new'),
      Reflect.get(train, key),
      train._cache,
      train.title,
    ]).toEqual([1, 2, 3, 'x']);
  });

  test('instances that are not tracked get properties as usual', ({ expect }) => {
    const train = new Train();
    set(train, 'fresh', 1);
    expect(Object.getOwnPropertyDescriptor(train, 'fresh')).toEqual({
      value: 1,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  });

  test('what the hook consumes is no field', ({ expect }) => {
    const train = new Train();
    const offered: unknown[] = [];
    const fields = track(train, {
      onDirty: () => undefined,
      assign: (field, value, declared) => {
        offered.push([field, value, declared]);
        return value instanceof Component;
      },
    });
    const child = new Train();
    set(train, 'child', child);
    set(train, 'token', child);
    train.options = {};
    train.counter = 1;
    expect(offered).toEqual([
      ['child', child, false],
      ['token', child, true],
      ['options', {}, true],
    ]);
    expect(fields.has('child')).toBe(false);
    expect(fields.raw('token')).toBeUndefined();
    expect(codeOf(() => set(train, 'other', 1))).toBe('STATE_FIELD_NOT_DECLARED');
  });

  test('a value consumed elsewhere leaves its field absent', ({ expect }) => {
    const train = new Train();
    const fields = track(train, {
      onDirty: () => undefined,
      assign: (_, value) => value instanceof Component,
    });
    train.token = 'x';
    fields.drain();
    set(train, 'token', new Train());
    expect(fields.drain()).toEqual([{ op: 'remove', path: '/token' }]);
  });

  test('what the hook throws changes nothing', ({ expect }) => {
    const train = new Train();
    const fields = track(train, {
      onDirty: () => undefined,
      assign: (_field, _value, declared) => {
        throw appError('STATE_FIELD_NOT_DECLARED', { component: 'hook', field: String(declared) });
      },
    });
    expect(codeOf(() => set(train, 'options', {}))).toBe('STATE_FIELD_NOT_DECLARED');
    expect(fields.dirty).toBe(false);
    expect(fields.raw('options')).toEqual({ a: { b: 1 } });
  });
});

describe('hooks', () => {
  test('the first change of a window is announced once, and can be drained at once', ({
    expect,
  }) => {
    const train = new Train();
    const seen: unknown[] = [];
    const fields = track(train, { onDirty: () => seen.push(fields.drain()) });
    train.counter = 1;
    train.counter = 2;
    train.log.push(1, 2);
    delete train.options['a'];
    expect(seen).toEqual([
      [{ op: 'replace', path: '/counter', value: 1 }],
      [{ op: 'replace', path: '/counter', value: 2 }],
      [
        { op: 'add', path: '/log/2', value: 1 },
        { op: 'add', path: '/log/3', value: 2 },
      ],
      [{ op: 'remove', path: '/options/a' }],
    ]);
  });

  test('each field is shown once per window before it changes, also for nested changes', ({
    expect,
  }) => {
    const train = new Train();
    const seen: unknown[] = [];
    let dirty = 0;
    const fields = track(train, {
      onDirty: () => (dirty += 1),
      beforeChange: (field) => seen.push([field, JSON.stringify(fields.raw(field))]),
    });
    train.counter = 1;
    train.counter = 2;
    (train.options['a'] as { b: number }).b = 2;
    train.options['c'] = 1;
    train.log.length = 0;
    const first = [
      ['counter', '0'],
      ['options', '{"a":{"b":1}}'],
      ['log', '[{"v":0},{"v":1}]'],
    ];
    expect(seen).toEqual(first);
    expect(dirty).toBe(1);
    fields.drain();
    train.counter = 3;
    expect(seen).toEqual([...first, ['counter', '2']]);
    expect(dirty).toBe(2);
  });

  test('a raised flag asks for a flush at each change, whatever changes', ({ expect }) => {
    const train = new Train();
    const flushFlag = new Int32Array(1);
    let asked = 0;
    const fields = track(train);
    fields.hooks = { onDirty: () => undefined, flushFlag, onFlushRequested: () => (asked += 1) };
    train.counter = 1;
    train.counter = 2;
    expect(asked).toBe(0);
    flushFlag[0] = 1;
    train.counter = 3;
    train.log.push(1);
    (train.options['a'] as { b: number }).b = 2;
    expect(asked).toBe(3);
    flushFlag[0] = 0;
    train.counter = 4;
    expect(asked).toBe(3);
  });
});

describe('Fields.apply', () => {
  test('values read earlier stay the same and see the change', ({ expect }) => {
    const train = new Train();
    const fields = track(train);
    const { log, options } = train;
    const [first, second, a] = [log[0], log[1], options['a']];
    const ops: Operation[] = [
      { op: 'add', path: '/log/0', value: { v: -1 } },
      { op: 'replace', path: '/log/2/v', value: 9 },
      { op: 'add', path: '/options/a/c', value: 3 },
      { op: 'replace', path: '/counter', value: 8 },
      { op: 'add', path: '/token', value: 'x' },
    ];
    expect(fields.apply(ops)).toEqual(ops.map(() => ({ ok: true })));
    expect([train.log, train.options, train.log[1], train.log[2], train.options['a']]).toEqual([
      log,
      options,
      first,
      second,
      a,
    ]);
    expect(
      train.log === log &&
        train.log[1] === first &&
        train.log[2] === second &&
        train.options['a'] === a,
    ).toBe(true);
    expect(snapshot(second)).toEqual({ v: 9 });
    expect([train.counter, train.token]).toEqual([8, 'x']);
    expect(fields.dirty).toBe(false);
    (second as { v: number }).v = 10;
    expect(fields.drain()).toEqual([{ op: 'replace', path: '/log/2/v', value: 10 }]);
  });

  test('what cannot be applied is told and the rest is applied', ({ expect }) => {
    const train = new Train();
    const fields = track(train);
    const outcomes = fields.apply([
      { op: 'add', path: '/unknown', value: 1 },
      { op: 'replace', path: '/token', value: 1 },
      { op: 'replace', path: '', value: {} },
      { op: 'remove', path: '/log/7' },
      { op: 'add', path: '/__proto__/x', value: 1 },
      { op: 'add', path: '/constructor', value: 1 },
      { op: 'test', path: '/counter', value: 1 },
      { op: 'add', path: '/counter/x', value: 1 },
      { op: 'remove', path: '/counter' },
      { op: 'remove', path: '/counter' },
      { op: 'move', from: '/log/0', path: '/counter' },
      { op: 'copy', from: '/counter', path: '/options/z' },
      { op: 'test', path: '/options/z', value: { v: 0 } },
    ]);
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.problem))).toEqual([
      'missing',
      'missing',
      'forbidden',
      'missing',
      'forbidden',
      'forbidden',
      'test-failed',
      'not-a-container',
      'ok',
      'missing',
      'ok',
      'ok',
      'ok',
    ]);
    expect(fields.names()).toContain('counter');
    expect(fields.snapshot()).toEqual({
      counter: { v: 0 },
      log: [{ v: 1 }],
      options: { a: { b: 1 }, z: { v: 0 } },
    });
  });

  test('an applied value takes the place of a pending one', ({ expect }) => {
    const train = new Train();
    const fields = track(train);
    train.counter = 5;
    train.options['x'] = 1;
    fields.apply([
      { op: 'replace', path: '/counter', value: 6 },
      { op: 'add', path: '/options/x', value: 2 },
    ]);
    expect([train.counter, train.options['x']]).toEqual([6, 2]);
    expect(fields.drain()).toEqual([]);
    train.counter = 7;
    expect(fields.drain()).toEqual([{ op: 'replace', path: '/counter', value: 7 }]);
  });

  test('setRaw after the only pending change lets the next change be announced again', ({
    expect,
  }) => {
    const train = new Train();
    let dirty = 0;
    const fields = track(train, { onDirty: () => (dirty += 1) });
    train.counter = 1;
    fields.setRaw('counter', 2);
    expect(fields.dirty).toBe(false);
    train.counter = 3;
    expect(dirty).toBe(2);
    expect(fields.drain()).toEqual([{ op: 'replace', path: '/counter', value: 3 }]);
    expect(codeOf(() => fields.setRaw('unknown', 1))).toBe('STATE_FIELD_NOT_DECLARED');
  });
});

describe('detached values', () => {
  test('writing to what was replaced, popped, deleted or loaded over is harmless and recorded nowhere', ({
    expect,
  }) => {
    const train = new Train();
    const fields = track(train);
    const inner = train.options['a'] as Record<string, unknown>;
    const gone = [train.log.pop() as Record<string, unknown>, train.options, inner];
    train.options = { fresh: 1 };
    fields.drain();
    for (const value of gone) {
      value['date'] = new Date(0);
      value['nan'] = NaN;
      delete value['v'];
    }
    const { log } = train;
    fields.load({ log: [] });
    log.push(new Map());
    log.length = 9;
    log.sort();
    expect(inner['date']).toEqual(new Date(0));
    expect(fields.drain()).toEqual([]);
    expect(fields.snapshot()).toEqual({ log: [] });
  });

  test('a detached value that is assigned again is checked like any other', ({ expect }) => {
    const train = new Train();
    const fields = track(train);
    const { options } = train;
    train.options = {};
    options['when'] = new Date(0);
    expect(codeOf(() => set(train, 'options', options))).toBe('STATE_NOT_JSON');
    delete options['when'];
    train.options = options;
    expect(fields.raw('options')).toEqual({ a: { b: 1 } });
    expect(train.options).not.toBe(options);
  });
});

describe('prototype pollution', () => {
  test('no way in reaches Object.prototype', ({ expect }) => {
    const train = new Train();
    const fields = track(train);
    const evil: unknown = JSON.parse('{"__proto__":{"polluted":1}}');
    const attempts: (() => unknown)[] = [
      () => set(train, 'options', evil),
      () => train.log.push(evil),
      () => (train.options['x'] = evil),
      () => set(train.options, '__proto__', { polluted: 1 }),
      () => set(train.log, '__proto__', { polluted: 1 }),
      () => set(train, '__proto__', { polluted: 1 }),
      () => set(train, 'prototype', { polluted: 1 }),
      () => fields.declare('__proto__', 1),
    ];
    for (const attempt of attempts) expect(codeOf(attempt)).toBe('STATE_KEY_FORBIDDEN');
    expect(train.options['__proto__']).toBeUndefined();
    expect(Reflect.get(train.log, '__proto__')).toBeUndefined();
    expect(fields.load(JSON.parse('{"__proto__":{"polluted":1},"counter":4}'))).toEqual([
      '__proto__',
    ]);
    expect(train).toBeInstanceOf(Train);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(fields.snapshot()).toEqual({ counter: 4 });
  });
});
