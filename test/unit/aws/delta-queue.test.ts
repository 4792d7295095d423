import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { DeltaQueue, type Batch } from '../../../runtime/backends/aws/channel/delta-queue.ts';
import { SpillFile } from '../../../runtime/backends/aws/channel/spill-file.ts';

const MiB = 1024 * 1024;

function takeAll(queue: DeltaQueue): Batch[] {
  const batches: Batch[] = [];
  for (let batch = queue.take(); batch; batch = queue.take()) batches.push(batch);
  return batches;
}

const entriesOf = (batches: readonly Batch[]): string[] =>
  batches.flatMap(({ ops }) => (ops === '' ? [] : ops.split(',')));

describe('the queue of deltas', () => {
  test('gives everything in its order, from memory, from disk, and beyond a full disk', ({
    expect,
  }) => {
    const step = fc.oneof(
      fc.record({ chars: fc.nat({ max: 200_000 }), event: fc.boolean() }),
      fc.constant('take' as const),
    );
    const sizes = fc.constantFrom(0, MiB, 64 * MiB);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), sizes, (steps, maxBytes) => {
        const queue = new DeltaQueue(new SpillFile(maxBytes));
        const expected: string[] = [];
        const taken: Batch[] = [];
        for (const each of steps) {
          if (each === 'take') {
            const batch = queue.take();
            if (batch) taken.push(batch);
            continue;
          }
          const ops = `${expected.length}:${'x'.repeat(each.chars)}`;
          expected.push(ops);
          queue.push({ ops, event: each.event ? '{}' : null, notice: null, posts: 1 });
        }
        taken.push(...takeAll(queue));
        expect(entriesOf(taken)).toEqual(expected);
        expect(taken.reduce((sum, { posts }) => sum + posts, 0)).toBe(expected.length);
        expect(queue.isEmpty).toBe(true);
        queue.close();
      }),
      { numRuns: 60 },
    );
  });

  test('spills what memory does not hold, and has no room when the disk is full', ({ expect }) => {
    const spill = new SpillFile(MiB);
    const queue = new DeltaQueue(spill);
    const ops = 'y'.repeat(64 * 1024);
    const push = (): void => queue.push({ ops, event: '{}', notice: null, posts: 1 });
    for (let n = 0; n < 16; n += 1) push();
    expect(spill.isEmpty).toBe(true);
    push();
    expect(spill.bytes).toBeGreaterThan(ops.length);
    for (let n = 0; n < 20; n += 1) push();
    expect(queue.hasRoom).toBe(false);
    expect(takeAll(queue)).toHaveLength(37);
    expect(queue.hasRoom).toBe(true);
    expect(spill.bytes).toBe(0);
    queue.close();
  });

  test('an event is the last of its delta', ({ expect }) => {
    const queue = new DeltaQueue();
    queue.push({ ops: 'a', event: null, notice: null, posts: 1 });
    queue.push({ ops: '', event: '{"type":"ready"}', notice: null, posts: 1 });
    expect(queue.hasClosed).toBe(true);
    queue.push({ ops: 'b', event: null, notice: null, posts: 0 });
    expect(takeAll(queue)).toEqual([
      { ops: 'a', event: '{"type":"ready"}', notice: null, posts: 2, entries: 2 },
      { ops: 'b', event: null, notice: null, posts: 0, entries: 1 },
    ]);
  });
});

describe('the spill file', () => {
  test('leaves no name behind, however its process ends', ({ expect }) => {
    const directory = mkdtempSync(join(tmpdir(), 'spill-'));
    const file = new SpillFile(MiB, directory);
    expect(file.push('äöü €')).toBe(true);
    expect(file.push('')).toBe(true);
    expect(readdirSync(directory)).toEqual([]);
    expect([file.shift(), file.shift(), file.shift()]).toEqual(['äöü €', '', null]);
    file.close();
    rmdirSync(directory);
  });

  test('takes nothing where no file can be made', ({ expect }) => {
    const file = new SpillFile(MiB, join(tmpdir(), 'there', 'is', 'no', 'such', 'folder'));
    expect(file.push('lost?')).toBe(false);
    expect(file.isEmpty).toBe(true);
    expect(file.shift()).toBeNull();
  });
});
