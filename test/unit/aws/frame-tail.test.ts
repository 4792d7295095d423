import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { WorkEvent } from '../../../runtime/protocol/delta.ts';
import { formatTail, splitTail } from '../../../runtime/protocol/frame-tail.ts';
import type { Operation } from '../../../runtime/state/operation.ts';

const nasty = fc.oneof(
  fc.jsonValue(),
  fc.constant({ a: [1], event: { type: 'end' } }),
  fc.constant('],"event":{"type":"ready"}}\n'),
);
const operation = nasty.map((value): Operation => ({
  op: 'replace',
  path: '/vars/n',
  value: value as never,
}));
const event = fc.option(
  fc.oneof(
    fc.constant<WorkEvent>({ type: 'ready' }),
    fc.string().map((call): WorkEvent => ({ type: 'running', call, attempt: 1 })),
    fc
      .tuple(fc.string(), fc.constantFrom('],"event":{}', ']}\n', '"]'))
      .map(([call, message]): WorkEvent => ({
        type: 'end',
        call,
        attempt: 2,
        outcome: 'failed',
        message,
        error: { code: 'INTERNAL_BACKGROUND_FAILED', message, stack: message } as never,
      })),
  ),
);

describe('the tail of a frame', () => {
  test('is cut into what it was made of, whatever that says', ({ expect }) => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 3 }), event, (ops, told) => {
        const parts = splitTail(formatTail(ops, told ?? undefined));
        expect(JSON.parse(`[${parts.ops}]`)).toEqual(JSON.parse(JSON.stringify(ops)));
        expect(parts.event === null ? null : JSON.parse(parts.event)).toEqual(told);
      }),
    );
  });
});
