/** What a flow serves, or hands to programs, beside its own code: the dashboard and the clients that need no bundler. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { builtFiles, DIST, PACKAGE } from './built-files.ts';

const PYTHON_CLIENT = 'stormkite.py';
/** Below `dist`. */
const SERVED = ['ui', 'client.js', 'client'];

/** Files by path below `dist`; none of those that have not been built. */
export async function webFiles(): Promise<ReadonlyMap<string, Uint8Array>> {
  const parts = await Promise.all(SERVED.map((name) => builtFiles(name)));
  return new Map(parts.flatMap((part) => [...part]));
}

/** Folder in which Python finds `stormkite`; `null` where it has not been built. */
export function pythonClientFolder(): string | null {
  const folders = [join(DIST, 'client'), join(PACKAGE, 'runtime', 'client', 'python')];
  return folders.find((folder) => existsSync(join(folder, PYTHON_CLIENT))) ?? null;
}
