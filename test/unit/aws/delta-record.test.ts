import { describe, test } from 'vitest';
import { parseRecord } from '../../../runtime/backends/aws/channel/delta-record.ts';
import { isAppError } from '../../../runtime/errors/index.ts';

describe('a record of a work', () => {
  test.for(['', '{', '5', 'null', '[]', '{"ops":7}'])(
    'that is %j is refused as one of ours, so that it is left out and not read for ever',
    (text, { expect }) => {
      const read = () => parseRecord({ work: 'root.a', epoch: 1, seq: 1 }, text);
      expect(read).toThrow(expect.objectContaining({ name: 'AppError' }));
      try {
        read();
      } catch (error) {
        expect(isAppError(error) && error.retryable).toBe(false);
      }
    },
  );
});
