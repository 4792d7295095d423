/** What the build has put into `dist/` beside the compiled modules. */
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const FROM_SOURCE = import.meta.url.endsWith('.ts');
export const PACKAGE = fileURLToPath(
  new URL(FROM_SOURCE ? '../../' : '../../../', import.meta.url),
);
export const DIST = join(PACKAGE, 'dist');

/** A file, or all files of a folder, by path below `dist`; none when it has not been built. */
export async function builtFiles(
  name: string,
  dist = DIST,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const place = join(dist, name);
  const paths = existsSync(place) ? await filesOf(place) : [];
  const entries = paths.map(async (path) => {
    const below = path
      .slice(dist.length + 1)
      .split(sep)
      .join('/');
    return [below, await readFile(path)] as const;
  });
  return new Map(await Promise.all(entries));
}

async function filesOf(place: string): Promise<string[]> {
  if (!(await stat(place)).isDirectory()) return [place];
  const found = await readdir(place, { recursive: true, withFileTypes: true });
  const shown = found.filter((each) => each.isFile() && !each.name.startsWith('.'));
  return shown.map((each) => join(each.parentPath, each.name));
}
