import { keepAside, LevelStateStore } from '../backends/local/level-state-store.ts';
import { isAppError } from '../errors/index.ts';
import type { StoreLease } from '../ports/state-store.ts';

/**
 * Opens the store of a run. Without `resume` an earlier one is kept aside: as `previous`, or as `damaged` when it cannot be read.
 *
 * @throws `STORE_LOCKED`, `STORE_UNREACHABLE`; with `resume` also `STORE_DAMAGED` and `STORE_VERSION_UNKNOWN`
 */
export async function openStore(
  directory: string,
  {
    app,
    resume,
    warn,
  }: { readonly app: string; readonly resume: boolean; readonly warn: (message: string) => void },
): Promise<StoreLease> {
  const store = new LevelStateStore(directory);
  if (resume) return await store.open(app);
  const label = await labelOf(store, app);
  const kept = await keepAside(directory, label);
  if (kept !== null && label === 'damaged')
    warn(`the stored state of an earlier run is damaged; it is kept in ${kept}`);
  return await store.open(app);
}

async function labelOf(store: LevelStateStore, app: string): Promise<'previous' | 'damaged'> {
  try {
    const lease = await store.open(app);
    await lease.close();
    return 'previous';
  } catch (error) {
    if (isAppError(error, 'STORE_DAMAGED')) return 'damaged';
    if (isAppError(error, 'STORE_VERSION_UNKNOWN')) return 'previous';
    throw error;
  }
}
