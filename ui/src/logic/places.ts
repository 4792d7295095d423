/** What a place of the state document means: whose it is, and what a person may do there. */
import { segmentsOf } from './pointer.ts';

export interface Place {
  /** Full name of the flow, work or structure that it belongs to. */
  readonly owner: string;
  readonly kind: 'flow' | 'work' | 'structure';
  /** Its value may be replaced. */
  readonly canEdit: boolean;
  /** It may be removed: fields of a component are declared in its class, what is inside them is not. */
  readonly canRemove: boolean;
  /** Something may be added inside, if it is a container. */
  readonly canAdd: boolean;
}

const KINDS = { flows: 'flow', works: 'work', structures: 'structure' } as const;

export function placeOf(pointer: string): Place {
  const segments = segmentsOf(pointer);
  let owner = 'root';
  let kind: Place['kind'] = 'flow';
  let index = 0;
  for (;;) {
    const group = segments[index];
    const key = segments[index + 1];
    if (key === undefined || (group !== 'flows' && group !== 'works' && group !== 'structures'))
      break;
    owner += `.${key}`;
    kind = KINDS[group];
    index += 2;
  }
  const isField =
    segments[index] === 'vars' &&
    kind !== 'structure' &&
    // What the runtime keeps of a component, such as a work's address.
    segments[index + 1]?.startsWith('_') === false;
  const depth = isField ? segments.length - index - 1 : 0;
  return { owner, kind, canEdit: depth > 0, canRemove: depth > 1, canAdd: depth > 0 };
}
