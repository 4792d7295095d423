import { access, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { appError } from '../../errors/index.ts';
import { toStoreError } from './level-errors.ts';

/** Copies of one label that are kept, unless it is `previous`. */
const MAX_KEPT = 1_000;

/**
 * Moves a store out of the way, so that a run may start afresh without throwing anything away.
 *
 * It becomes a sibling: `store.previous`, which replaces an older one, or `store.damaged-1`, `-2`, … for other labels.
 * Returns the new path, or `null` when there is no store.
 *
 * @throws `STORE_LOCKED` when a run uses it, `STORE_UNREACHABLE` when it cannot be renamed
 */
export async function keepAside(directory: string, label: string): Promise<string | null> {
  const app = basename(dirname(directory));
  if (!(await exists(directory))) return null;
  if (await isLocked(directory)) throw appError('STORE_LOCKED', { app, where: directory });
  try {
    const target =
      label === 'previous' ? `${directory}.${label}` : await freeName(`${directory}.${label}`);
    await rm(target, { recursive: true, force: true });
    await rename(directory, target);
    return target;
  } catch (cause) {
    throw toStoreError(cause, app, directory);
  }
}

/**
 * Whether a process holds the store.
 *
 * LevelDB takes its lock first and then refuses to open a database that exists, before it reads or changes anything.
 */
export async function isLocked(directory: string): Promise<boolean> {
  const probe = new ClassicLevel(directory, { createIfMissing: false, errorIfExists: true });
  try {
    await probe.open();
    await probe.close();
    return false;
  } catch (error) {
    return (
      error instanceof Error &&
      error.cause instanceof Error &&
      'code' in error.cause &&
      error.cause.code === 'LEVEL_LOCKED'
    );
  }
}

async function freeName(prefix: string): Promise<string> {
  for (let n = 1; n <= MAX_KEPT; n += 1)
    if (!(await exists(`${prefix}-${n}`))) return `${prefix}-${n}`;
  throw new Error(`${prefix}-${MAX_KEPT} exists; remove old ones`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
