/**
 * Looks, when a component is attached at run time, whether it could be built again elsewhere as `new Class(props)`.
 *
 * No language gives the arguments of a constructor afterwards, so one more instance is built from the props and compared.
 */
import { appError } from '../errors/index.ts';
import { deepEqual, toJsonCopy, type Json } from '../state/json.ts';
import type { ComponentClass } from './class-ref.ts';
import type { Component } from './component.ts';
import type { Flow } from './flow.ts';
import { metaOf } from './meta.ts';
import { decodeProps, encodeProps } from './props.ts';
import { publicFields, shapeOf } from './untracked.ts';
import type { Work } from './work.ts';

type Buildable = Work<object> | Flow<object>;

/**
 * Refuses a component whose constructor needs more than its props.
 *
 * @throws `WORK_NOT_REBUILDABLE`
 */
export function checkRebuildable(component: Component): void {
  const { kind, subject, hasProps } = metaOf(component);
  if (kind !== 'work' && kind !== 'flow') return;
  const refuse = (problem: string): Error =>
    appError('WORK_NOT_REBUILDABLE', {
      work: subject,
      problem,
      line: `constructor(props: { … }) { super(props); } in ${subject}, and pass everything in that one object`,
    });
  const count = component.constructor.length;
  if (count > 1) throw refuse(`its constructor takes ${count} arguments`);
  if (count === 1 && !hasProps)
    throw refuse('its constructor takes an argument that super() did not get');
  if (kind === 'flow' || hasProps) compareWithTrial(component as Buildable, refuse);
}

/** Builds one more instance from the props and looks whether it took them for what they are. */
function compareWithTrial(component: Buildable, refuse: (problem: string) => Error): void {
  const encoded = encodeProps(component.props);
  const { hasProps } = metaOf(component);
  let trial: Buildable;
  try {
    trial = new (component.constructor as ComponentClass)(
      hasProps ? decodeProps(encoded) : undefined,
    ) as Buildable;
  } catch (error) {
    throw refuse(`its constructor fails when given its props (${String(error)})`);
  }
  if (!deepEqual(encodeProps(trial.props), encoded)) {
    throw refuse('its constructor does not accept the object that it passed to super()');
  }
  if (!deepEqual(shapeOf(trial), shapeOf(component))) {
    throw refuse(
      'it was given components that its constructor does not build; attach them after it',
    );
  }
  if (!hasProps) return;
  for (const name of publicFields(trial)) {
    const value = plainOrNull(Reflect.get(trial, name));
    if (
      value !== null &&
      deepEqual(value, encoded) &&
      !deepEqual(plainOrNull(Reflect.get(component, name)), encoded)
    ) {
      throw refuse(`its constructor takes a positional argument into ${name}`);
    }
  }
}

function plainOrNull(value: unknown): Json {
  try {
    return toJsonCopy(value, 'value');
  } catch {
    return null;
  }
}
