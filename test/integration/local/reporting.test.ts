import { afterEach, beforeEach, describe, test } from 'vitest';
import { applyPatch } from '../../../runtime/state/apply.ts';
import type { JsonObject } from '../../../runtime/state/json.ts';
import { LocalRig } from '../../support/local-rig.ts';
import { until } from '../../support/until.ts';

describe('reporting', () => {
  let rig: LocalRig;

  beforeEach(async () => {
    rig = await LocalRig.open();
  });
  afterEach(() => rig.close());

  test('a tight synchronous loop streams its changes while it runs', async ({ expect }) => {
    await rig.up('counter');
    await rig.call('counter', [10_000_000]);
    const { outcome } = await rig.end('counter');
    expect(outcome).toBe('succeeded');
    const counts = rig.values('counter', 'count');
    expect(new Set(counts).size).toBeGreaterThanOrEqual(20);
    expect(counts).toEqual(counts.toSorted((a, b) => Number(a) - Number(b)));
    expect(counts.at(-1)).toBe(10_000_000);
    expect(rig.values('counter', 'total')).toEqual([10_000_000]);
  });

  test('the last write before user code keeps the processor busy arrives before it is released', async ({
    expect,
  }) => {
    await rig.up('blocker');
    await rig.call('blocker', [1_000]);
    await until('the write arrives', () => rig.values('blocker', 'mark').at(-1) === 'before');
    const seenAt = Date.now();
    expect(rig.values('blocker', 'released')).toEqual([]);
    await rig.end('blocker');
    expect(seenAt).toBeLessThan(Number(rig.values('blocker', 'released').at(-1)));
  });

  test('no change is lost or torn, wherever the reporter interrupts the work', async ({
    expect,
  }) => {
    const { vars } = await rig.up('mixer');
    await rig.call('mixer', [4_000]);
    expect(await rig.outcome('mixer')).toBe('succeeded');
    const ops = rig.of('mixer').flatMap((delta) => delta.ops);
    const { doc, outcomes } = applyPatch({ vars }, ops, 'each');
    expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
    const { n, big, log, map, last } = (doc as { vars: JsonObject }).vars;
    expect(JSON.parse(last as string)).toEqual({ n, big, log, map });
  });

  test('a work that blocks natively and leaves does so at once and quietly, with its last change', async ({
    expect,
  }) => {
    await rig.up('leaver');
    await rig.call('leaver');
    await rig.exit('leaver');
    expect(rig.values('leaver', 'n').at(-1)).toBe(199);
    expect(rig.lines.filter(({ stream }) => stream === 'stderr')).toEqual([]);
  });

  test('a flow that acknowledges nothing stops the flow of deltas, not the work, and loses no change', async ({
    expect,
  }) => {
    await rig.close();
    const gate: { open: () => void } = { open: () => undefined };
    const opened = new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    rig = await LocalRig.open({ lease: { appendDeltas: () => opened } });
    await rig.up('flood');
    await rig.call('flood', [200_000]);
    await rig.end('flood');
    // Credit, and the end of the call, which waits for nothing.
    expect(rig.of('flood').length).toBeLessThan(300);
    expect(rig.values('flood', 'n').at(-1)).toBe(200_000);
    gate.open();
    await rig.call('flood', [10], { call: 'c2', mark: rig.of('flood').at(-1)?.seq ?? 0 });
    expect(await rig.outcome('flood', 'c2')).toBe('succeeded');
    await until('deltas flow again', () => rig.values('flood', 'n').at(-1) === 10);
  });

  test('a field of 10 MB arrives whole', async ({ expect }) => {
    await rig.up('listener');
    await rig.call('listener', ['big']);
    expect(await rig.outcome('listener')).toBe('succeeded');
    expect(rig.values('listener', 'text')).toEqual(['ä'.repeat(5_000_000)]);
  });

  test('10 MB of arguments and flow-side writes reach the work', async ({ expect }) => {
    await rig.up('listener');
    const text = 'b'.repeat(10_000_000);
    await rig.call('listener', [text], {
      fold: [{ op: 'replace', path: '/vars/text', value: text }],
    });
    expect(await rig.outcome('listener')).toBe('succeeded');
  });

  test('what the flow writes while the work runs reaches a work that takes it', async ({
    expect,
  }) => {
    await rig.up('listener');
    await rig.call('listener', ['wait']);
    await until('it runs', () => rig.of('listener').some(({ event }) => event?.type === 'running'));
    await rig.backend.channel.deliver('root.listener', {
      type: 'flowDelta',
      ops: [{ op: 'replace', path: '/vars/limit', value: 9 }],
    });
    await rig.end('listener');
    expect(rig.values('listener', 'seen').at(-1)).toBe(9);
    expect(rig.values('listener', 'limit')).toEqual([]);
  });

  test('a work is up when its port answers', async ({ expect }) => {
    await rig.up('server');
    await rig.call('server');
    const url = await rig.value('server', '_url');
    expect(url).toBe(`http://127.0.0.1:${Number(await rig.value('server', '_port'))}`);
    expect(await (await fetch(url as string)).text()).toBe('hello');
    expect(await rig.value('server', '_internal_ip')).toBe('127.0.0.1');
    await rig.backend.launcher.stop(rig.spec('server'), 5_000);
    expect(rig.of('server').map(({ seq }) => seq)).toEqual(
      rig.of('server').map((_delta, index) => index + 1),
    );
  });

  test('output is cut into lines wherever its chunks end', async ({ expect }) => {
    await rig.up('printer');
    await rig.call('printer');
    await rig.end('printer');
    await rig.backend.launcher.stop(rig.spec('printer'), 5_000);
    const lines = rig.lines
      .filter(({ source, stream }) => source === 'root.printer' && stream === 'stdout')
      .map(({ line }) => line);
    expect(lines.slice(0, 4)).toEqual(['module loaded', 'first: äöü €', 'no end', '€']);
    expect(lines.slice(4, -1).join('')).toBe('x'.repeat(600_000));
    expect(lines.at(-1)).toBe('last');
    expect(rig.lines.filter(({ stream }) => stream === 'stderr').map(({ line }) => line)).toEqual([
      'to stderr',
    ]);
  });
});
