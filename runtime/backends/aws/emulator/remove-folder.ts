import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { printFailure } from './print-failure.ts';

/** Everything for its owner; the folders it is given to are about to go. */
const OPEN = 0o700;

/** Removes a folder, also one whose content its owner may not change, as work leaves it; what stays nevertheless is told. */
export async function removeFolder(path: string): Promise<void> {
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 });
  try {
    await remove().catch(async (error: unknown) => {
      if (!isDenied(error)) throw error;
      await open(path);
      await remove();
    });
  } catch (error) {
    printFailure(`${path} could not be removed`, error);
  }
}

/** Lets this user change the content of all folders; never goes through a link. */
async function open(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) return;
  await chmod(path, OPEN);
  for (const name of await readdir(path)) await open(join(path, name));
}

function isDenied(error: unknown): boolean {
  const { code } = Object(error) as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM';
}
