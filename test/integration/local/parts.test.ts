import fc from 'fast-check';
import { describe, test } from 'vitest';
import { BootQueue } from '../../../runtime/backends/local/boot-queue.ts';
import { LineSplitter } from '../../../runtime/backends/local/line-splitter.ts';
import { Credit } from '../../../runtime/host/reporter-credit.ts';
import { isChangingState } from '../../../runtime/host/reporter-stack.ts';
import { TouchedPaths } from '../../../runtime/host/reporter-touched.ts';
import { encodeFrame, FrameReader } from '../../../runtime/protocol/framing.ts';
import { parseChildMessage, parseFlowMessage } from '../../../runtime/protocol/messages.ts';
import { parseSocketBoot } from '../../../runtime/protocol/work-env.ts';
import type { Operation } from '../../../runtime/state/operation.ts';
import { trackFields } from '../../../runtime/state/tracked.ts';

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b),
    bytes.length,
  ];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

describe('parts of the local backend', () => {
  test('messages come out of a stream as they went in, wherever it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue())),
        fc.array(fc.nat()),
        (messages, places) => {
          const reader = new FrameReader();
          const bytes = Buffer.from(messages.map((message) => encodeFrame(message)).join(''));
          const texts = cut(bytes, places).flatMap((chunk) => [...reader.push(chunk)]);
          return (
            JSON.stringify(texts) ===
            JSON.stringify(messages.map((message) => JSON.stringify(message)))
          );
        },
      ),
    );
  });

  test('lines come out of a stream as they went in, wherever it is cut', () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, ''));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (lines, places) => {
        const out: string[] = [];
        const splitter = new LineSplitter((text) => out.push(text));
        for (const chunk of cut(Buffer.from(lines.map((text) => `${text}\n`).join('')), places))
          splitter.push(chunk);
        splitter.end();
        return JSON.stringify(out) === JSON.stringify(lines);
      }),
    );
  });

  test('credit ends with many deltas or large ones, and comes back with acknowledgements', ({
    expect,
  }) => {
    const credit = new Credit();
    for (let i = 0; i < 256; i += 1) credit.spend(10);
    expect(credit.available).toBe(false);
    credit.acknowledge(1);
    expect(credit.available).toBe(true);
    credit.acknowledge(256);
    credit.spend(100_000_000);
    expect(credit.available).toBe(false);
    credit.acknowledge(257);
    expect(credit.available).toBe(true);
    credit.acknowledge(257);
    expect(credit.available).toBe(true);
  });

  test('of a fold what the flow had seen is kept and what conflicts with later changes is left out', ({
    expect,
  }) => {
    const touched = new TouchedPaths();
    const replace = (path: string): Operation => ({ op: 'replace', path, value: 1 });
    touched.note([replace('/vars/a'), replace('/vars/m/x')], 1);
    touched.note([replace('/vars/m/y')], 2);
    const fold = ['/vars/a', '/vars/m', '/vars/m/x', '/vars/m/y/z', '/vars/my'].map(replace);
    expect(touched.withoutConflicts(fold, 1).map(({ path }) => path)).toEqual([
      '/vars/a',
      '/vars/m/x',
      '/vars/my',
    ]);
    expect(touched.withoutConflicts(fold, 2)).toEqual(fold);
  });

  test('many touched places are remembered by their fields', ({ expect }) => {
    const touched = new TouchedPaths();
    for (let i = 0; i < 10_000; i += 1)
      touched.note([{ op: 'add', path: `/vars/log/${i}`, value: i }], i + 1);
    const fold: Operation[] = [
      { op: 'replace', path: '/vars/log/99999', value: 0 },
      { op: 'replace', path: '/vars/n', value: 0 },
    ];
    expect(touched.withoutConflicts(fold, 5_000).map(({ path }) => path)).toEqual(['/vars/n']);
    expect(touched.withoutConflicts(fold, 10_000)).toEqual(fold);
  });

  test('code that runs in the middle of a change of state is recognised', ({ expect }) => {
    const holder = { list: [2, 1, 3], n: 0 };
    const seen: boolean[] = [];
    trackFields(holder, {
      subject: 'Holder',
      at: () => 'root.holder',
      hooks: { onDirty: () => void seen.push(isChangingState()) },
    });
    expect(isChangingState()).toBe(false);
    holder.n = 1;
    holder.list.sort((a, b) => {
      seen.push(isChangingState());
      return a - b;
    });
    expect(seen).toEqual(seen.map(() => true));
    expect(seen.length).toBeGreaterThan(1);
    expect(isChangingState()).toBe(false);
  });

  test('a boot that is over makes place for one that waits, once', ({ expect }) => {
    const queue = new BootQueue(1);
    const begun: string[] = [];
    const leave: Record<string, () => void> = {};
    const enter = (name: string) =>
      queue.enter((over) => {
        begun.push(name);
        leave[name] = over;
      });
    enter('a');
    const cancel = enter('b');
    enter('c');
    enter('d');
    cancel();
    leave['a']?.();
    leave['a']?.();
    expect(begun).toEqual(['a', 'c']);
  });

  test.for([
    '',
    '7',
    '{"type":"?"}',
    '{"type":"ack","seq":-1}',
    '{"type":"assign"}',
    '{"type":"call","call":"x"}',
  ])('the message %j of a flow is refused', (text, { expect }) => {
    expect(() => parseFlowMessage(text)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_MESSAGE_INVALID' }),
    );
  });

  test.for([
    '',
    '[]',
    '{"type":"failed","reason":"mood"}',
    '{"type":"hello"}',
    '{"type":"delta","seq":1,"ops":[]}',
  ])('the message %j of a process without a work is refused', (text, { expect }) => {
    expect(() => parseChildMessage(text, null)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_MESSAGE_INVALID' }),
    );
  });

  test('a process that was not started by a launcher says so', ({ expect }) => {
    expect(() => parseSocketBoot(undefined)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_MESSAGE_INVALID' }),
    );
  });
});
