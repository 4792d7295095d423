import { afterEach, beforeEach, describe } from 'vitest';
import { contractTest, type Exceptions } from './exceptions.ts';
import type { DeltaChannel } from '../../runtime/ports/delta-channel.ts';
import type { Delta } from '../../runtime/protocol/delta.ts';
import type { CallMessage } from '../../runtime/protocol/downlink.ts';
import { until } from '../support/until.ts';

/** What the suite needs of an adapter. */
export interface DeltaChannelBench {
  readonly channel: DeltaChannel;
  /** Full name of a work whose `run(n)` adds 1 to its field `count` n times and returns nothing. */
  readonly work: string;
  /** Brings that work up; its first delta carries `seq + 1`. Resolves when it can be called. */
  start(seq: number): Promise<void>;
  /** Everything that was made durable so far. */
  durable(): readonly Delta[];
  close(): Promise<void>;
}

/** What every {@link DeltaChannel} does. */
export function deltaChannelContract(
  adapter: string,
  open: () => Promise<DeltaChannelBench>,
  exceptions: Exceptions = {},
): void {
  const test = contractTest(exceptions);
  describe(`DeltaChannel: ${adapter}`, () => {
    let bench: DeltaChannelBench;
    let heard: Delta[];

    beforeEach(async () => {
      bench = await open();
      heard = [];
      bench.channel.subscribe((delta) => heard.push(delta));
    });

    afterEach(() => bench.close());

    const call = (changes: Partial<CallMessage> = {}): Promise<'sent' | 'absent'> =>
      bench.channel.deliver(bench.work, {
        type: 'call',
        call: 'a',
        attempt: 1,
        args: [3],
        fold: [],
        mark: 0,
        ...changes,
      });

    const ended = (name: string, times = 1): Promise<unknown> =>
      until(
        `${name} ended`,
        () =>
          heard.filter(({ event }) => event?.type === 'end' && event.call === name).length >= times,
      );

    const counts = (): unknown[] =>
      heard.flatMap(({ ops }) =>
        ops.flatMap((op) => (op.path === '/vars/count' && 'value' in op ? [op.value] : [])),
      );

    test('deltas come in order without a gap, from the sequence that was given', async ({
      expect,
    }) => {
      await bench.start(41);
      await call({ mark: 41 });
      await ended('a');
      expect(heard.map(({ seq }) => seq)).toEqual(heard.map((_delta, index) => 42 + index));
      expect(heard.every(({ work, epoch }) => work === bench.work && epoch === 1)).toBe(true);
    });

    test('a call is running before it ends, and its changes come before its end', async ({
      expect,
    }) => {
      await bench.start(0);
      await call();
      await ended('a');
      const events = heard.flatMap(({ event }) => (event === undefined ? [] : [event.type]));
      expect(events).toEqual(['ready', 'running', 'end']);
      expect(counts().at(-1)).toBe(3);
      expect(heard.at(-1)?.event).toMatchObject({
        type: 'end',
        call: 'a',
        attempt: 1,
        outcome: 'succeeded',
      });
    });

    test('a repeated call is run once', async ({ expect }) => {
      await bench.start(0);
      await Promise.all([call(), call()]);
      await ended('a');
      await call();
      await call({ call: 'b' });
      await ended('b');
      expect(heard.filter(({ event }) => event?.type === 'running')).toHaveLength(2);
    });

    test('a call that the flow makes again after it saw its end is run again', async ({
      expect,
    }) => {
      await bench.start(0);
      await call();
      await ended('a');
      await call({ mark: heard.at(-1)?.seq ?? 0 });
      await ended('a', 2);
      expect(heard.filter(({ event }) => event?.type === 'running')).toHaveLength(2);
    });

    test('what the flow wrote is there when the call begins, and is not echoed', async ({
      expect,
    }) => {
      await bench.start(0);
      await call({
        args: [0],
        fold: [{ op: 'replace', path: '/vars/count', value: 700 }],
        mark: heard.at(-1)?.seq ?? 0,
      });
      await ended('a');
      await call({ call: 'b', args: [2], mark: heard.at(-1)?.seq ?? 0 });
      await ended('b');
      expect(counts()).not.toContain(700);
      expect(counts().at(-1)).toBe(702);
    });

    test('a write of the flow gives way to a change that the flow had not seen', async ({
      expect,
    }) => {
      await bench.start(0);
      const mark = heard.at(-1)?.seq ?? 0;
      await call({ mark });
      await ended('a');
      await call({
        call: 'b',
        args: [1],
        fold: [{ op: 'replace', path: '/vars/count', value: 700 }],
        mark,
      });
      await ended('b');
      expect(counts().at(-1)).toBe(4);
    });

    test('everything that was told becomes durable', async ({ expect }) => {
      await bench.start(0);
      await call();
      await ended('a');
      await until('the end is durable', () =>
        bench.durable().some(({ event }) => event?.type === 'end'),
      );
      expect(bench.durable().map(({ seq }) => seq)).toEqual(heard.map(({ seq }) => seq));
    });

    test('a work without a process is absent', async ({ expect }) => {
      expect(await call()).toBe('absent');
      expect(await bench.channel.deliver('root.nobody', { type: 'stop' })).toBe('absent');
    });

    test('a handler that unsubscribed hears nothing more', async ({ expect }) => {
      const late: Delta[] = [];
      bench.channel.subscribe((delta) => late.push(delta))();
      await bench.start(0);
      await call();
      await ended('a');
      expect(late).toEqual([]);
    });
  });
}
