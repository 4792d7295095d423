/** Where the items of an app's works are, by the works' full names. */
import { classIdOf, workKey } from '../backends/aws/contract.ts';
import type { App } from '../component/app.ts';
import { ClassIndex } from '../component/class-ref.ts';
import { componentByName } from '../component/tree.ts';
import { isAppError } from '../errors/index.ts';

/**
 * Tells the partition of a work as the tree is now; of one that was deleted, as it was.
 *
 * Must be made before anything is attached at run time.
 */
export function workKeysOf(
  app: App,
  exports: Record<string, unknown>,
): (work: string) => string | undefined {
  const classes = new ClassIndex(app, exports);
  const known = new Map<string, string>();
  return (work) => {
    const ref = refOf(app, classes, work);
    if (ref === undefined) return known.get(work);
    const key = workKey(classIdOf(ref), work);
    known.set(work, key);
    return key;
  };
}

function refOf(app: App, classes: ClassIndex, work: string) {
  try {
    return classes.refOf(componentByName(app.flow, work));
  } catch (error) {
    if (isAppError(error, 'COMPONENT_UNKNOWN')) return undefined;
    throw error;
  }
}
