import type { Operation } from '../state/operation.ts';
import { metaOf } from './meta.ts';
import type { Work } from './work.ts';

const VARS = '/vars';

/** Applies the flow's changes to a work's fields without recording them, so that nothing is echoed. */
export function applyFlowDelta(work: Work<object>, delta: readonly Operation[]): void {
  metaOf(work).fields?.apply(toFieldPaths(delta));
}

/** `/vars/loss` of a delta is `/loss` of the fields; operations elsewhere are left out. */
export function toFieldPaths(ops: readonly Operation[]): Operation[] {
  const own: Operation[] = [];
  for (const op of ops) {
    if (!op.path.startsWith(`${VARS}/`)) continue;
    if ('from' in op && !op.from.startsWith(`${VARS}/`)) continue;
    const path = op.path.slice(VARS.length);
    own.push('from' in op ? { ...op, path, from: op.from.slice(VARS.length) } : { ...op, path });
  }
  return own;
}
