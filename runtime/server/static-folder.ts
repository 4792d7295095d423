/**
 * Serves the files of a folder.
 *
 * S1 Nothing outside of the folder is ever read: not by `..`, not by a link that leads out of it.
 * S2 Names that begin with a dot are not there.
 */
import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

const INDEX = 'index.html';
/** A colon names a stream of a file on Windows. */
const NOT_IN_NAMES = process.platform === 'win32' ? /[/\\\0:]/ : /[/\\\0]/;

/** What a path of a folder leads to. */
export type StaticFile =
  | { readonly kind: 'file'; readonly folder: string; readonly file: string }
  /** A folder without its last slash, so that relative addresses in its page would lead elsewhere. */
  | { readonly kind: 'folder' }
  | { readonly kind: 'missing' };

/**
 * Finds a file.
 *
 * @param path - of the URL, percent-encoded, begins with `/`, without its query
 */
export async function findStaticFile(directory: string, path: string): Promise<StaticFile> {
  const segments = segmentsOf(path);
  if (segments === null) return { kind: 'missing' };
  try {
    const folder = await realpath(directory);
    const found = await realpath(join(folder, ...segments));
    if (found !== folder && !found.startsWith(folder.endsWith(sep) ? folder : folder + sep))
      return { kind: 'missing' };
    const file = found.slice(folder.length);
    if (file.split(sep).some((name) => name.startsWith('.'))) return { kind: 'missing' };
    const facts = await stat(found);
    if (facts.isFile())
      return path.endsWith('/') ? { kind: 'missing' } : { kind: 'file', folder, file };
    if (!facts.isDirectory()) return { kind: 'missing' };
    if (!path.endsWith('/')) return { kind: 'folder' };
    return await findStaticFile(directory, `${path}${INDEX}`);
  } catch {
    return { kind: 'missing' };
  }
}

/** The names of a path; `null` when one of them may not be asked for. */
function segmentsOf(path: string): string[] | null {
  const segments: string[] = [];
  for (const encoded of path.split('/').filter((each) => each !== '')) {
    const segment = decode(encoded);
    if (segment === null || segment.startsWith('.') || NOT_IN_NAMES.test(segment)) return null;
    segments.push(segment);
  }
  return segments;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
