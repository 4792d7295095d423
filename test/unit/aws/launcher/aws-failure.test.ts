import { describe, test } from 'vitest';
import {
  describeProblem,
  toAwsFailure,
} from '../../../../runtime/backends/aws/launcher/aws-failure.ts';
import { appError } from '../../../../runtime/errors/index.ts';

const failure = (name: string, status?: number, more: object = {}) =>
  Object.assign(new Error('why'), {
    name,
    ...(status === undefined ? {} : { $metadata: { httpStatusCode: status } }),
    ...more,
  });

describe('toAwsFailure', () => {
  test.for<[string, number | undefined, 'refused' | 'unknown', boolean, boolean]>([
    ['InvalidParameterException', 400, 'refused', true, false],
    ['ClusterNotFoundException', 400, 'refused', true, false],
    ['BlockedException', 400, 'refused', true, false],
    ['ClientException', 400, 'refused', false, false],
    ['ThrottlingException', 400, 'unknown', false, false],
    ['Throttling', 400, 'unknown', false, false],
    ['AccessDeniedException', 400, 'refused', false, true],
    ['UnauthorizedOperation', 403, 'refused', false, true],
    ['ServerException', 500, 'unknown', false, false],
    ['TimeoutError', undefined, 'unknown', false, false],
    ['IdempotentCallInProgressFault', 400, 'unknown', false, false],
  ])('%s with status %s is %s', ([name, status, outcome, final, denied], { expect }) => {
    expect(toAwsFailure(failure(name, status))).toMatchObject({ name, outcome, final, denied });
  });

  test('a conflict names the tasks that the token belongs to', ({ expect }) => {
    const error = failure('ConflictException', 400, { resourceIds: ['arn:1'] });
    expect(toAwsFailure(error).resourceIds).toEqual(['arn:1']);
  });

  test('what is no error is told as it is', ({ expect }) => {
    expect(toAwsFailure('odd')).toMatchObject({ message: 'odd', outcome: 'unknown' });
  });

  test('our own errors are told in their own words', ({ expect }) => {
    const error = appError('STORE_CONFLICT', { app: 'demo' });
    expect(describeProblem(error)).toBe(error.message);
    expect(describeProblem(failure('ServerException', 500))).toBe('ServerException: why');
  });
});
