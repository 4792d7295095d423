import { describe, test } from 'vitest';
import type { Json } from '../../../runtime/state/json.ts';
import { diffOf, explain } from '../../../ui/src/logic/diff.ts';
import { duration, plural, preview } from '../../../ui/src/logic/format.ts';
import { issuesOf } from '../../../ui/src/logic/issues.ts';
import { filterLines, splitHits, withoutColours } from '../../../ui/src/logic/log-lines.ts';
import { isOfRuntime, placeOf } from '../../../ui/src/logic/places.ts';
import { formatRoute, parseRoute } from '../../../ui/src/logic/route.ts';
import { activity, turnOf } from '../../../ui/src/logic/turns.ts';
import { arrange, stageCounts, WorkRows } from '../../../ui/src/logic/works.ts';

const running = { stage: 'running', timestamp: 20 } as const;
const callsOf = (stage: string, timestamp: number): Json => ({
  latest_call_hash: 'h',
  queue: ['x'],
  num_successes: 2,
  h: { name: 'run', attempt: 1, statuses: [{ stage, timestamp }] },
});
const workOf = (calls: Json): Json => ({ vars: { n: 1 }, calls, changes: {} });
const doc = {
  vars: {},
  works: { b: workOf(callsOf('running', 20)) },
  flows: { f: { works: { c: workOf({ latest_call_hash: null }) }, flows: {}, structures: {} } },
  structures: { d: { works: { 'k y': workOf(callsOf('failed', 5)) }, flows: {}, structures: {} } },
};

describe('works', () => {
  test('every work of the tree is a row, with its full name and where it stands', ({ expect }) => {
    const rows = new WorkRows().of(doc);
    expect(rows.map(({ name, pointer, status }) => [name, pointer, status.stage])).toEqual([
      ['root.f.c', '/flows/f/works/c', 'not_started'],
      ['root.b', '/works/b', 'running'],
      ['root.d.k y', '/structures/d/works/k y', 'failed'],
    ]);
    expect(rows[1]).toMatchObject({ waiting: 1, succeeded: 2, statuses: [running] });
  });

  test('a row stays the same object while the calls of its work do', ({ expect }) => {
    const works = new WorkRows();
    const first = works.of(doc);
    const { b } = doc.works;
    const changed = { ...doc, works: { b: { ...(b as object), vars: { n: 2 } } } };
    expect(works.of(changed)).toBe(first);
    const restarted = { ...doc, works: { b: workOf(callsOf('stopped', 30)) } };
    const next = works.of(restarted);
    expect(next).not.toBe(first);
    expect(next[0]).toBe(first[0]);
    expect(next[1]).not.toBe(first[1]);
  });

  test('rows are filtered, counted and sorted', ({ expect }) => {
    const rows = new WorkRows().of(doc);
    const names = (list: readonly { name: string }[]): string[] => list.map(({ name }) => name);
    const hardware = (name: string): string => (name === 'root.b' ? 'gpu' : 'cpu');
    const all = { text: '', stage: null };
    expect(names(arrange(rows, { ...all, text: 'GPU' }, null, hardware))).toEqual(['root.b']);
    expect(names(arrange(rows, { ...all, stage: 'failed' }, null, hardware))).toEqual([
      'root.d.k y',
    ]);
    expect(names(arrange(rows, all, { column: 'status', isDown: false }, hardware))).toEqual([
      'root.d.k y',
      'root.b',
      'root.f.c',
    ]);
    expect(names(arrange(rows, all, { column: 'since', isDown: true }, hardware))[0]).toBe(
      'root.b',
    );
    expect([...stageCounts(rows)]).toEqual([
      ['not_started', 1],
      ['running', 1],
      ['failed', 1],
    ]);
  });
});

describe('places', () => {
  test('fields may be edited, and what is inside them removed', ({ expect }) => {
    expect(placeOf('/vars/limit')).toMatchObject({ canEdit: true, canRemove: false, canAdd: true });
    expect(placeOf('/structures/d/works/k/vars/a/0')).toMatchObject({
      owner: 'root.d.k',
      kind: 'work',
      canEdit: true,
      canRemove: true,
    });
  });

  test('what the runtime owns may not', ({ expect }) => {
    for (const pointer of ['', '/vars', '/works/w/vars/_url', '/works/w/calls/h', '/app_state'])
      expect(placeOf(pointer)).toMatchObject({ canEdit: false, canRemove: false, canAdd: false });
  });

  test('what the runtime keeps of a component is told from the fields of the user', ({
    expect,
  }) => {
    const ofRuntime = ['/works/w/vars/_url', '/flows/f/structures/d/works/k/vars/_port/x'];
    expect(ofRuntime.filter(isOfRuntime)).toEqual(ofRuntime);
    const others = ['/works/w/vars/url', '/vars/vars/_url', '/works/w/vars', '/works/w/calls/_x'];
    expect(others.filter(isOfRuntime)).toEqual([]);
  });
});

describe('differences', () => {
  test('what was added, removed and changed is told by its place', ({ expect }) => {
    const shared = { x: [1, 2] };
    const { changes, isCut } = diffOf(
      { shared, a: 1, gone: null, list: [1, { n: 1 }], kind: [] },
      { shared, a: 2, list: [1, { n: 2 }, 3], kind: {} },
      10,
    );
    expect(isCut).toBe(false);
    expect(changes).toEqual([
      { pointer: '/a', kind: 'changed', before: 1, after: 2 },
      { pointer: '/list/1/n', kind: 'changed', before: 1, after: 2 },
      { pointer: '/list/2', kind: 'added', after: 3 },
      { pointer: '/kind', kind: 'changed', before: [], after: {} },
      { pointer: '/gone', kind: 'removed', before: null },
    ]);
    expect(diffOf([1, 2, 3], [4, 5, 6], 2)).toMatchObject({ isCut: true, changes: [{}, {}] });
  });

  test('each operation is shown with what it replaced, also when an earlier one wrote it', ({
    expect,
  }) => {
    const { steps, after } = explain({ n: 1, list: ['a'] }, [
      { op: 'replace', path: '/n', value: 2 },
      { op: 'replace', path: '/n', value: 3 },
      { op: 'add', path: '/list/0', value: 'b' },
      { op: 'remove', path: '/list/1' },
    ]);
    expect(steps.map(({ before }) => before)).toEqual([1, 2, undefined, 'a']);
    expect(after).toEqual({ n: 3, list: ['b'] });
    expect(explain(undefined, [{ op: 'remove', path: '/n' }]).after).toBeUndefined();
  });
});

describe('turns', () => {
  test('the operations of a turn go to those who made them', ({ expect }) => {
    const ops = [1, 2, 3].map((value) => ({ op: 'replace' as const, path: '/n', value }));
    const sources = [
      { source: 'root.w', ops: 2 },
      { source: 'client', client: 'me', ops: 1 },
    ];
    expect(turnOf({ version: 4, at: 9, ops, sources }).deltas).toEqual([
      { source: 'root.w', ops: ops.slice(0, 2) },
      { source: 'client', client: 'me', ops: ops.slice(2) },
    ]);
  });

  test('activity is summed over equal spans', ({ expect }) => {
    const turns = [1, 2, 9, 10].map((version) => ({ version, size: version }));
    expect(activity(turns, { from: 1, to: 10 }, 5)).toEqual([3, 0, 0, 0, 19]);
  });
});

describe('text', () => {
  test('lengths of time have two units', ({ expect }) => {
    const texts = [340, 12_300, 184_000, 7_500_000, 273_600_000].map(duration);
    expect(texts).toEqual(['340 ms', '12 s', '3 m 04 s', '2 h 05 m', '3 d 4 h']);
  });

  test('a preview of a large value is short and does not write all of it', ({ expect }) => {
    const large = Array.from({ length: 1_000_000 }, (_, index) => index);
    expect(preview(large, 20)).toBe('[0, 1, 2, 3, 4, 5, …');
    expect(preview({ a: 'x', b: [null, true] })).toBe('{a: "x", b: [null, true]}');
    expect(preview('x'.repeat(100), 10)).toBe('"xxxxxxxx…');
    expect([plural(1, 'turn'), plural(1_200, 'turn')]).toEqual(['1 turn', '1,200 turns']);
  });

  test('lines are searched without the colours of terminals', ({ expect }) => {
    const line = '\u001B[31mred\u001B[0m \u001B]0;title\u0007alert';
    expect(withoutColours(line)).toBe('red alert');
    const lines = [
      { source: 'flow', stream: 'stdout', at: 1, line },
      { source: 'flow', stream: 'stderr', at: 2, line: 'Alert' },
    ] as const;
    expect(filterLines(lines, 'RED AL', false)).toEqual([lines[0]]);
    expect(filterLines(lines, 'alert', true)).toEqual([lines[1]]);
    expect(filterLines(lines, '', false)).toBe(lines);
    expect(splitHits('aXbxX', 'x').map(({ text, isHit }) => (isHit ? `<${text}>` : text))).toEqual([
      'a',
      '<X>',
      'b',
      '<x>',
      '<X>',
    ]);
  });
});

describe('routes', () => {
  test('a fragment names a page and an item, whatever its letters', ({ expect }) => {
    for (const item of ['root.d.k y', '/vars/a%b', 'ü/#?', null]) {
      const hash = formatRoute({ page: 'works', item });
      expect(parseRoute(hash)).toEqual({ page: 'works', item });
    }
    expect(parseRoute('#/nowhere')).toBeNull();
    expect(parseRoute('')).toBeNull();
    expect(parseRoute('#/state/%')).toEqual({ page: 'state', item: '%' });
  });
});

test('issues of refused arguments are told at their fields', ({ expect }) => {
  const issues = [{ path: ['limits', 'cpus'], message: 'too many' }, { path: '/name' }, 3];
  expect([...issuesOf({ issues })]).toEqual([['/limits/cpus', 'too many']]);
  expect(issuesOf({}).size).toBe(0);
});
