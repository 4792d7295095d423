/**
 * The folder in the temporary directory in which an emulator's tasks work. It goes with its emulator, or, when that was killed,
 * with the next one that is opened.
 *
 * F1 Its name tells the owner: where process ids count, the id, and when that process started, since ids are used again.
 * F2 One is removed only when it is this user's and no process of that id and start is there. Others, also those of machines and
 *    containers that share the directory, are left alone.
 */
import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { lstat, mkdtemp, readdir, realpath } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../../../errors/index.ts';
import { statOf } from './process-stat.ts';
import { removeFolder } from './remove-folder.ts';

/** `skt-ecs-<place>-<pid>-<start>-<random>`, without a start where the system does not tell; short, since sockets below have paths of at most about 100 characters. */
const NAME = /^skt-ecs-([\w-]{4})-(\d+)-([0-9a-z]*)-\w{6}$/;
const PLACE_CHARS = 4;
/** Base of the numbers that need not be read. */
const BASE = 36;

export interface TaskFolder {
  readonly path: string;
  /** Removes it; resolves when those of emulators that were killed are gone as well. */
  close(): Promise<void>;
}

export async function openTaskFolder(): Promise<TaskFolder> {
  const directory = await realpath(tmpdir());
  const start = statOf(process.pid)?.startedAt.toString(BASE) ?? '';
  const name = ['skt-ecs', placeOfIds(), process.pid, start].join('-');
  const path = await mkdtemp(join(directory, `${name}-`));
  const cleaning = removeAbandoned(directory);
  background(cleaning, 'removing the folders of killed emulators');
  return {
    path,
    close: async () => {
      await removeFolder(path);
      await cleaning;
    },
  };
}

/** F2 */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const [, place, pid, start] = NAME.exec(name) ?? [];
    if (place !== placeOfIds() || isAlive(Number(pid), start ?? '')) continue;
    const path = join(directory, name);
    const found = await lstat(path).catch(() => null);
    if (found?.isDirectory() && found.uid === process.getuid?.()) await removeFolder(path);
  }
}

function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const stat = statOf(pid);
  if (stat === null || start === '') return true;
  return !stat.isDefunct && stat.startedAt.toString(BASE) === start;
}

/** Stands for this machine and, in a container, the container. */
function placeOfIds(): string {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Not Linux: ids count on the whole machine.
  }
  const place = createHash('sha256').update(`${hostname()} ${namespace}`).digest('base64url');
  return place.slice(0, PLACE_CHARS);
}
