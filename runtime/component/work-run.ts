/**
 * `work.run` means three things: in the work's own process it is the user's method, from a flow it is a call, and outside any
 * app it is the user's method behind a cache.
 */
import { appError } from '../errors/index.ts';
import { toJsonCopy, type Json } from '../state/json.ts';
import { canonicalJson } from './canonical-json.ts';
import { metaOf } from './meta.ts';
import { isTurnActive } from './turn-flag.ts';
import { OPTIONS } from './work-symbols.ts';
import type { Work } from './work.ts';

const USER_RUN: unique symbol = Symbol('stormkite.work.run');

type Run = (...args: unknown[]) => unknown;

/** Puts the three-way `run` in front of the user's method. */
export function prepareRun(work: Work<object>): void {
  const original: unknown = Reflect.get(Object.getPrototypeOf(work) as object, 'run');
  if (typeof original !== 'function') {
    throw appError('WORK_NO_RUN', { work: work.constructor.name });
  }
  const userRun: Run = (...args) => Reflect.apply(original, work, args);
  const alone = standaloneRun(work, userRun);
  const run: Run = (...args) => {
    const { process, binding, deleted, name, subject } = metaOf(work);
    if (process) return userRun(...args);
    if (deleted) throw appError('WORK_DELETED', { name: name || subject }, { at: name });
    if (binding) return binding.callWork(work, args);
    if (isTurnActive()) throw appError('WORK_NOT_ATTACHED', { work: subject });
    return alone(...args);
  };
  Object.defineProperty(work, 'run', { value: run, configurable: true, writable: true });
  Object.defineProperty(work, USER_RUN, { value: userRun });
}

/** The user's own `run`, for the work's process. */
export function userRunOf(work: Work<object>): Run {
  return (work as unknown as { [USER_RUN]: Run })[USER_RUN];
}

/** Runs in this process; the same arguments run once when `cacheCalls` is set, and again after a failure. */
function standaloneRun(work: Work<object>, userRun: Run): Run {
  const results = new Map<string, unknown>();
  return (...args) => {
    if (!work[OPTIONS].cacheCalls) return userRun(...args);
    const key = canonicalJson(toArguments(work, args));
    if (results.has(key)) return results.get(key);
    const result = userRun(...args);
    results.set(key, result);
    if (result instanceof Promise) {
      // A failed call may be tried again; the caller still sees the rejection.
      result.catch(() => results.delete(key));
    }
    return result;
  };
}

/** Checks and copies the arguments of a call; trailing `undefined` is dropped, as if it had not been passed. */
export function toArguments(work: Work<object>, args: readonly unknown[]): Json[] {
  let count = args.length;
  while (count > 0 && args[count - 1] === undefined) count -= 1;
  const { name, subject } = metaOf(work);
  const at = name || subject;
  const copies: Json[] = [];
  for (let index = 0; index < count; index += 1) {
    copies.push(toJsonCopy(args[index], `${subject}.run() argument ${index + 1}`, at));
  }
  return copies;
}
