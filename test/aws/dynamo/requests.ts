/** Watches, holds and spoils the requests of an SDK client, as a network does. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

export interface Request {
  /** As in `PutItem`. */
  readonly name: string;
  /** Its sort key, or an empty text. */
  readonly sk: string;
}

type Around = <T>(request: Request, send: () => Promise<T>) => Promise<T>;

/** Runs `around` instead of every request, repeats included. */
export function aroundRequests(client: DynamoDBClient, around: Around): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const input = args.input as { Key?: { sk?: { S?: string } }; Item?: { sk?: { S?: string } } };
      const name = String(context['commandName']).replace(/Command$/, '');
      return around({ name, sk: (input.Key ?? input.Item)?.sk?.S ?? '' }, () => next(args));
    },
    { step: 'initialize', name: 'aroundRequests' },
  );
}

/** The first `count` requests that match get through, but their answers are lost; the SDK sends them again. */
export function loseAnswers(
  client: DynamoDBClient,
  matches: (request: Request) => boolean,
  count = 1,
): void {
  let left = count;
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const input = args.input as { Key?: { sk?: { S?: string } }; Item?: { sk?: { S?: string } } };
      const name = String(context['commandName']).replace(/Command$/, '');
      const answer = await next(args);
      if (left > 0 && matches({ name, sk: (input.Key ?? input.Item)?.sk?.S ?? '' })) {
        left -= 1;
        throw networkError();
      }
      return answer;
    },
    // Behind the SDK's own retries.
    { step: 'finalizeRequest', priority: 'low', name: 'loseAnswers' },
  );
}

/** What an answer that never comes looks like. */
export function networkError(): Error {
  return Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' });
}
