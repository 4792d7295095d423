/**
 * What a local work's process and its flow say on their socket, beside the deltas and the downlink themselves.
 */
import { appError } from '../errors/index.ts';
import { parseOperations } from '../state/operation.ts';
import type { Json, JsonObject } from '../state/json.ts';
import { parseDelta, type Delta } from './delta.ts';
import type { CallMessage, Downlink } from './downlink.ts';
import type { WorkSpec } from './work-spec.ts';

/** From a work's process to the flow. */
export type ChildMessage =
  /** First message: who is there, and what it speaks. */
  | {
      readonly type: 'hello';
      readonly protocol: number;
      readonly pid: number;
      readonly slot: string;
    }
  /** The app file is imported. */
  | { readonly type: 'loaded' }
  /** The work is built; `onStart` comes next. */
  | { readonly type: 'opened' }
  /** The process cannot bring its work up and ends. */
  | { readonly type: 'failed'; readonly reason: FailedReason; readonly message: string }
  | { readonly type: 'delta'; readonly delta: Delta };

/** Why a process could not bring its work up; becomes its exit reason. */
export type FailedReason = 'load' | 'tree' | 'exited';

/** From the flow to a work's process. */
export type FlowMessage =
  /** The process gets its work. */
  | { readonly type: 'assign'; readonly spec: WorkSpec }
  /** Everything up to `seq` is durable. */
  | { readonly type: 'ack'; readonly seq: number }
  | Downlink;

/** The part of a delta's frame before its `seq`; the rest is `…,"ops":[…],"event":{…}}`. */
export const DELTA_FRAME_HEAD = '{"type":"delta","seq":';

const FAILED_REASONS: readonly FailedReason[] = ['load', 'tree', 'exited'];

/**
 * Reads a message of a work's process.
 *
 * @param from - the launch that the connection belongs to; its deltas are taken as this one's, whatever they say
 * @throws `PROTOCOL_MESSAGE_INVALID`, `STATE_PATCH_INVALID`, `STATE_KEY_FORBIDDEN`
 */
export function parseChildMessage(
  text: string,
  from: { readonly work: string; readonly epoch: number } | null,
): ChildMessage {
  const value = parseObject(text);
  switch (value['type']) {
    case 'delta': {
      if (from === null) throw invalid('delta', 'the process has no work');
      const { seq, ops, event } = value;
      return {
        type: 'delta',
        delta: parseDelta({ work: from.work, epoch: from.epoch, seq, ops, event }),
      };
    }
    case 'hello': {
      const { protocol, pid, slot } = value;
      if (typeof protocol !== 'number' || typeof pid !== 'number')
        throw invalid('hello', 'it has no protocol or pid');
      if (typeof slot !== 'string') throw invalid('hello', 'it has no slot');
      return { type: 'hello', protocol, pid, slot };
    }
    case 'loaded':
    case 'opened':
      return { type: value['type'] };
    case 'failed': {
      const reason = FAILED_REASONS.find((known) => known === value['reason']);
      if (reason === undefined) throw invalid('failed', 'its reason is unknown');
      return { type: 'failed', reason, message: String(value['message']) };
    }
    default:
      throw invalid('socket', 'its type is unknown');
  }
}

/**
 * Reads a message of the flow. The flow is trusted with the contents of specs and arguments, which it made itself.
 *
 * @throws `PROTOCOL_MESSAGE_INVALID`, `STATE_PATCH_INVALID`, `STATE_KEY_FORBIDDEN`
 */
export function parseFlowMessage(text: string): FlowMessage {
  const value = parseObject(text);
  switch (value['type']) {
    case 'assign':
      return { type: 'assign', spec: toSpec(value['spec']) };
    case 'ack':
      return { type: 'ack', seq: count(value['seq'], 'ack') };
    case 'call':
      return toCall(value);
    case 'flowDelta':
      return { type: 'flowDelta', ops: parseOperations(value['ops']) };
    case 'stop':
      return { type: 'stop' };
    default:
      throw invalid('socket', 'its type is unknown');
  }
}

function toCall(value: Record<string, unknown>): CallMessage {
  const { call, args, fold } = value;
  if (typeof call !== 'string' || !Array.isArray(args))
    throw invalid('call', 'it has no identity or arguments');
  return {
    type: 'call',
    call,
    attempt: count(value['attempt'], 'call'),
    args: args as Json[],
    fold: parseOperations(fold),
    mark: count(value['mark'], 'call'),
  };
}

function toSpec(value: unknown): WorkSpec {
  if (!isRecord(value)) throw invalid('assign', 'it has no spec');
  const { app, work, vars, definitions, tree } = value;
  if (typeof app !== 'string' || typeof work !== 'string')
    throw invalid('assign', 'it names no work');
  if (!isRecord(vars) || !Array.isArray(definitions) || !Array.isArray(tree))
    throw invalid('assign', 'it is incomplete');
  const spec = value as unknown as WorkSpec;
  const counted = { epoch: count(value['epoch'], 'assign'), seq: count(value['seq'], 'assign') };
  return { ...spec, app, work, vars: vars as JsonObject, ...counted };
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw appError(
      'PROTOCOL_MESSAGE_INVALID',
      { message: 'socket', problem: 'it is not JSON' },
      { cause },
    );
  }
  if (!isRecord(value)) throw invalid('socket', 'it is not an object');
  return value;
}

function count(value: unknown, message: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(message, 'a number in it is not a count');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string, problem: string): Error {
  return appError('PROTOCOL_MESSAGE_INVALID', { message, problem });
}
