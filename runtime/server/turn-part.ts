/** What a turn means to a reader of one place of the state. */
import type { ChangeSource, CommittedTurn } from '../protocol/events.ts';
import type { Operation } from '../state/operation.ts';
import { isPrefix } from '../state/pointer.ts';

/** The operations at or below the place; `whole` when only the place as a whole can tell what became of it. */
export type TurnPart =
  | { readonly ops: readonly Operation[]; readonly sources: readonly ChangeSource[] }
  | 'none'
  | 'whole';

type Reach = 'inside' | 'outside' | 'whole';

/** The part of a turn at a pointer; paths stay absolute. */
export function partOf({ ops, sources }: CommittedTurn, pointer: string): TurnPart {
  if (pointer === '') return { ops, sources };
  const kept: Operation[] = [];
  const keptSources: ChangeSource[] = [];
  let index = 0;
  for (const source of sources) {
    const before = kept.length;
    for (const end = index + source.ops; index < end; index += 1) {
      const op = ops[index];
      if (op === undefined) break;
      const reach = reachOf(op, pointer);
      if (reach === 'whole') return 'whole';
      if (reach === 'inside') kept.push(op);
    }
    if (kept.length > before) keptSources.push({ ...source, ops: kept.length - before });
  }
  return kept.length === 0 ? 'none' : { ops: kept, sources: keptSources };
}

function reachOf(op: Operation, pointer: string): Reach {
  const target = touch(op.path, pointer, op.op !== 'replace' && op.op !== 'test');
  if (!('from' in op)) return target;
  const source = touch(op.from, pointer, op.op === 'move');
  if (target === 'inside') return source === 'inside' ? 'inside' : 'whole';
  // A copy changes nothing at its source.
  if (target === 'outside') return op.op === 'copy' || source === 'outside' ? 'outside' : 'whole';
  return 'whole';
}

/** @param shifts - whether items of an array that come after the path change their places */
function touch(path: string, pointer: string, shifts: boolean): Reach {
  if (isPrefix(pointer, path))
    return shifts && path === pointer && isItem(path) ? 'whole' : 'inside';
  if (isPrefix(path, pointer)) return 'whole';
  return shifts && isPrefix(parentOf(path), pointer) && isItem(nextOf(path, pointer))
    ? 'whole'
    : 'outside';
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** The pointer down to the level of a path. */
function nextOf(path: string, pointer: string): string {
  const level = parentOf(path).length + 1;
  const end = pointer.indexOf('/', level);
  return end < 0 ? pointer : pointer.slice(0, end);
}

/** Whether a pointer may name an item of an array. */
function isItem(pointer: string): boolean {
  return /\/\d+$/.test(pointer);
}
