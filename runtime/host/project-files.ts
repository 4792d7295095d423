/** Which files of a project travel with its app. */
import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** File in the project's root with patterns as in `.gitignore`. */
export const IGNORE_FILE = '.stormkiteignore';

/** Never part of an app: packages are bundled, the rest is of this machine or private to it. `docs/deploy.md` names them. */
const ALWAYS = [
  // Keys of SSH have no extension; code such as `id_map.ts`, and folders, may begin like them.
  'id_*',
  '!id_*.*',
  '!id_*/',
  'node_modules',
  '.git',
  '.hg',
  '.svn',
  '.stormkite',
  'cdk.out',
  'cdk.context.json',
  '.venv',
  'venv',
  '__pycache__',
  '.DS_Store',
  '*.log',
  '*.tsbuildinfo',
  '.env',
  '.env.*',
  '.envrc',
  '.npmrc',
  '.netrc',
  '.aws',
  '.docker',
  '.kube',
  '.ssh',
  '*.pem',
  '*.key',
  '*.p12',
  '*.pfx',
  '*.tfstate',
  '*.tfstate*.backup',
  'service-account*.json',
];

export interface ProjectFile {
  /** Below the project's root, with `/`. */
  readonly path: string;
  readonly bytes: number;
  readonly executable: boolean;
}

/**
 * Files of a project, sorted by path, without those that the patterns leave out.
 *
 * Links to files inside the project are followed; those that lead out of it are left out.
 *
 * @param patterns - as in `.gitignore`, on top of those of {@link IGNORE_FILE}
 */
export async function projectFiles(
  root: string,
  patterns: readonly string[],
): Promise<ProjectFile[]> {
  const own = await readFile(join(root, IGNORE_FILE), 'utf8').catch(() => '');
  const rules = ignore()
    .add(ALWAYS)
    .add(own)
    .add([...patterns]);
  const found: ProjectFile[] = [];
  await walk(await realpath(root), '', rules, found);
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function walk(
  root: string,
  folder: string,
  rules: Ignore,
  found: ProjectFile[],
): Promise<void> {
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    const file = join(root, path);
    if (entry.isDirectory()) {
      if (!rules.ignores(`${path}/`)) await walk(root, path, rules, found);
    } else if (!rules.ignores(path) && (entry.isFile() || (await isOwnFile(root, file)))) {
      const { size, mode } = await stat(file);
      found.push({ path, bytes: size, executable: (mode & 0o100) !== 0 });
    }
  }
}

/** Whether a link leads to a file of the project. */
async function isOwnFile(root: string, file: string): Promise<boolean> {
  try {
    if (!(await lstat(file)).isSymbolicLink()) return false;
    const target = await realpath(file);
    return !relative(root, target).startsWith(`..${sep}`) && (await stat(target)).isFile();
  } catch {
    // It leads nowhere.
    return false;
  }
}
