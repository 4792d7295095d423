/**
 * Reads what a launch is to do: the flow has written it before it called `RunTask`, so a table that answers has it.
 *
 * I1 Only answers count against {@link WorkTimings.inputMs}: no input, or a refusal that will be repeated. A table that cannot be
 *    reached is waited for as everywhere in a work, for {@link WorkTimings.isolatedMs}.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { appError } from '../../../errors/index.ts';
import { parseFlowMessage } from '../../../protocol/messages.ts';
import type { WorkSpec } from '../../../protocol/work-spec.ts';
import { inputSortKey, type WorkTask } from '../contract.ts';
import { readText } from '../dynamo/chunks.ts';
import { isPassing } from '../dynamo/dynamo-errors.ts';
import { BackOff } from './back-off.ts';
import type { WorkTimings } from './work-timings.ts';

export interface InputPlace {
  readonly client: DynamoDBClient;
  readonly task: Pick<WorkTask, 'work' | 'epoch' | 'key' | 'tables'>;
  readonly timings: Pick<WorkTimings, 'inputMs' | 'isolatedMs' | 'retryMs' | 'retryMaxMs'>;
  /** Hears of requests that fail and are repeated. */
  readonly failing: (error: unknown) => void;
  /** @default - it is waited for until one of the limits */
  readonly signal?: AbortSignal;
}

/**
 * What the flow wrote for this launch; `null` when the signal was given before.
 *
 * @throws `AWS_INPUT_MISSING` when the table answers without it, `AWS_FLOW_LOST` when nothing answers
 */
export async function readInput(place: InputPlace): Promise<WorkSpec | null> {
  const { client, task, timings, failing, signal } = place;
  const { work, epoch, tables, key } = task;
  const backOff = new BackOff(timings.retryMs, timings.retryMaxMs);
  const at = { table: tables.state, pk: key, sk: inputSortKey(epoch), consistent: true };
  let waitedMs = 0;
  let answeredAtMs = performance.now();
  for (;;) {
    if (signal?.aborted === true) return null;
    const waitMs = backOff.next();
    let refusal: unknown;
    let answered = true;
    try {
      const input = await readText(client, at);
      if (input) return parseInput(input.text);
    } catch (error) {
      failing(error);
      refusal = error;
      answered = !isPassing(error);
    }
    if (answered) {
      waitedMs += waitMs;
      answeredAtMs = performance.now();
    }
    if (waitedMs > timings.inputMs) {
      const data = { work, epoch, waitedMs: timings.inputMs };
      throw appError('AWS_INPUT_MISSING', data, { at: work, cause: refusal });
    }
    const forMs = performance.now() - answeredAtMs;
    if (forMs > timings.isolatedMs)
      throw appError('AWS_FLOW_LOST', { work, forMs, why: 'unreachable' }, { at: work });
    await delay(waitMs, undefined, signal ? { signal } : {}).catch(() => undefined);
  }
}

/** @throws `PROTOCOL_MESSAGE_INVALID` */
function parseInput(text: string): WorkSpec {
  const message = parseFlowMessage(`{"type":"assign","spec":${text}}`);
  if (message.type !== 'assign') throw new TypeError(`an input is no ${message.type}`);
  return message.spec;
}
