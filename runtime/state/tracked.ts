import { Fields, type TrackOptions } from './fields.ts';
import { handleOf } from './handle.ts';
import { toJsonCopy } from './json.ts';

export { Fields, type FieldsHooks, type TrackOptions } from './fields.ts';
export { guardPrototype } from './guard.ts';

/**
 * Turns the public fields that an instance has after its construction into tracked ones.
 *
 * Public fields are the instance's own enumerable data properties with a string name that does not start with `_`;
 * `#private` ones are untouched. Each value is checked and copied; nothing happens when one is refused. The fields are
 * inherited accessors from then on: `in`, `for…in` and assignment work as before, `Object.keys(instance)` lists none, and
 * `delete instance.field` does nothing (assign `undefined` instead). Tracking an instance again gives the same fields.
 *
 * @throws `STATE_NOT_JSON`, `STATE_TOO_DEEP`, `STATE_KEY_FORBIDDEN`.
 */
export function trackFields(instance: object, options: TrackOptions): Fields {
  const known = Fields.of(instance);
  if (known !== undefined) return known;
  const entries: [string, unknown][] = [];
  for (const name of Object.keys(instance)) {
    const property = Object.getOwnPropertyDescriptor(instance, name);
    if (name.startsWith('_') && name !== '__proto__') continue;
    if (property === undefined || !('value' in property) || property.configurable !== true)
      continue;
    if (options.skip?.(name, property.value) !== true) entries.push([name, property.value]);
  }
  return Fields.track(instance, options, entries);
}

/** Whether a value is read from state and reports its changes, or did so until it was detached. */
export function isTracked(value: unknown): boolean {
  return typeof value === 'object' && value !== null && handleOf(value) !== undefined;
}

/**
 * A plain deep copy of a value read from state, which `structuredClone`, workers and libraries can take.
 *
 * @throws `STATE_NOT_JSON` for a value that state could not hold.
 */
export function snapshot<T>(value: T): T {
  return value === undefined ? value : (toJsonCopy(value, 'the value') as T);
}
