/** What a place of the state document means: whose it is, and what a person may do there. */
import type { Json } from '../../../runtime/state/json.ts';
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
  const { owner, kind, inside } = ownerOf(pointer);
  const isField = inside[0] === 'vars' && kind !== 'structure' && isUsers(inside[1]);
  const depth = isField ? inside.length - 1 : 0;
  return { owner, kind, canEdit: depth > 0, canRemove: depth > 1, canAdd: depth > 0 };
}

/** Whether it is something that the runtime keeps among the fields of a component, such as a work's address. */
export function isOfRuntime(pointer: string): boolean {
  // Every change of the state is asked about: most are not even taken apart.
  if (!pointer.includes('/vars/_')) return false;
  const { inside } = ownerOf(pointer);
  return inside[0] === 'vars' && inside[1] !== undefined && !isUsers(inside[1]);
}

function isUsers(field: string | undefined): boolean {
  return field?.startsWith('_') === false;
}

/** The component that a place belongs to, and the way to it from there. */
function ownerOf(pointer: string): Pick<Place, 'owner' | 'kind'> & { readonly inside: string[] } {
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
  return { owner, kind, inside: segments.slice(index) };
}

export interface Actions {
  readonly edit: boolean;
  readonly add: boolean;
  readonly remove: boolean;
}

/** What a person may do with a value at a place. */
export function actionsAt(pointer: string, value: Json): Actions {
  const { canEdit, canAdd, canRemove } = placeOf(pointer);
  const isContainer = typeof value === 'object' && value !== null;
  return { edit: canEdit, add: canAdd && isContainer, remove: canRemove };
}

export const NO_ACTIONS: Actions = { edit: false, add: false, remove: false };
