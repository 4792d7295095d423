/** What a flow serves, or hands to programs, beside its own code: the dashboard and the clients that need no bundler. */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const PACKAGE = fileURLToPath(new URL(FROM_SOURCE ? '../../' : '../../../', import.meta.url));
const DIST = join(PACKAGE, 'dist');
const PYTHON_CLIENT = 'stormkite.py';
/** Below `dist`. */
const SERVED = ['ui', 'client.js', 'client'];

/** Files by path below `dist`; none of those that have not been built. */
export async function webFiles(): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of SERVED) {
    const place = join(DIST, name);
    if (!existsSync(place)) continue;
    for (const file of await filesOf(place))
      files.set(
        file
          .slice(DIST.length + 1)
          .split(sep)
          .join('/'),
        await readFile(file),
      );
  }
  return files;
}

async function filesOf(place: string): Promise<string[]> {
  if (!(await stat(place)).isDirectory()) return [place];
  const found = await readdir(place, { recursive: true, withFileTypes: true });
  const shown = found.filter((each) => each.isFile() && !each.name.startsWith('.'));
  return shown.map((each) => join(each.parentPath, each.name));
}

/** Folder in which Python finds `stormkite`; `null` where it has not been built. */
export function pythonClientFolder(): string | null {
  const folders = [join(DIST, 'client'), join(PACKAGE, 'runtime', 'client', 'python')];
  return folders.find((folder) => existsSync(join(folder, PYTHON_CLIENT))) ?? null;
}
