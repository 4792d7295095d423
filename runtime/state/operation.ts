import { appError, isAppError, type AppError } from '../errors/index.ts';
import { copyJson, type Json } from './json.ts';
import { parsePointer } from './pointer.ts';

/** One operation of a JSON Patch (RFC 6902). */
export type Operation =
  | { readonly op: 'add'; readonly path: string; readonly value: Json }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'replace'; readonly path: string; readonly value: Json }
  | { readonly op: 'move'; readonly from: string; readonly path: string }
  | { readonly op: 'copy'; readonly from: string; readonly path: string }
  | { readonly op: 'test'; readonly path: string; readonly value: Json };

/**
 * Reads a JSON Patch from anything; the result shares nothing with it.
 *
 * Members that an operation does not define are ignored (RFC 6902, section 4).
 *
 * @throws `STATE_PATCH_INVALID`, `STATE_POINTER_INVALID`, `STATE_KEY_FORBIDDEN`.
 */
export function parseOperations(value: unknown): Operation[] {
  if (!Array.isArray(value))
    throw appError('STATE_PATCH_INVALID', { problem: 'it is not an array of operations' });
  const operations: Operation[] = [];
  for (let index = 0; index < value.length; index += 1)
    operations.push(parseOperation(value[index], index));
  return operations;
}

function parseOperation(value: unknown, index: number): Operation {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(index, 'is not an object');
  }
  const name = member(value, 'op');
  const path = pointerMember(value, 'path', index);
  switch (name) {
    case 'replace':
    case 'add':
    case 'test':
      return { op: name, path, value: valueMember(value, index) };
    case 'remove':
      return { op: name, path };
    case 'move':
    case 'copy':
      return { op: name, from: pointerMember(value, 'from', index), path };
    case undefined:
      throw malformed(index, 'has no "op"');
    default:
      throw malformed(
        index,
        `has the unknown op ${typeof name === 'string' ? JSON.stringify(name) : typeof name}`,
      );
  }
}

function pointerMember(operation: object, name: 'path' | 'from', index: number): string {
  const text = member(operation, name);
  if (text === undefined) throw malformed(index, `has no "${name}"`);
  if (typeof text !== 'string') throw malformed(index, `has a "${name}" that is not a string`);
  parsePointer(text);
  return text;
}

function valueMember(operation: object, index: number): Json {
  const value = member(operation, 'value');
  if (value === undefined) throw malformed(index, 'has no "value"');
  try {
    return copyJson(value, 0, () => ({
      subject: `the value of operation ${index}`,
      at: undefined,
    }));
  } catch (cause) {
    if (!isAppError(cause) || cause.code === 'STATE_KEY_FORBIDDEN') throw cause;
    throw appError('STATE_PATCH_INVALID', { problem: cause.message }, { cause });
  }
}

/** An own member; nothing is taken from a prototype. */
function member(operation: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(operation, name)?.value;
}

function malformed(index: number, problem: string): AppError {
  return appError('STATE_PATCH_INVALID', { problem: `operation ${index} ${problem}` });
}
