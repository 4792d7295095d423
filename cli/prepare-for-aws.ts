/** What a project needs to be deployed: the CDK in versions that work together, and the program that makes the stack. */
import { readFile, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { appError } from '../runtime/errors/index.ts';
import { CDK_PINS } from '../runtime/host/cdk.ts';

const CDK_JSON = {
  app: 'node node_modules/stormkite/dist/infra/main.js',
  output: 'cdk.out',
  versionReporting: false,
};

/**
 * Pins the CDK in `package.json` and writes `cdk.json`, unless there is one. Doing it twice changes nothing.
 *
 * @returns names of the files that were written
 * @throws `CLI_MANIFEST_MISSING`, `CLI_WRITE_FAILED`
 */
export async function prepareForAws(directory: string): Promise<string[]> {
  const written: string[] = [];
  const manifestFile = join(directory, 'package.json');
  if (!existsSync(manifestFile)) throw appError('CLI_MANIFEST_MISSING', { directory });
  try {
    const before = await readFile(manifestFile, 'utf8');
    const after = pinned(before);
    if (after !== before) {
      await writeFile(manifestFile, after);
      written.push('package.json');
    }
    const cdkFile = join(directory, 'cdk.json');
    if (!existsSync(cdkFile)) {
      await writeFile(cdkFile, `${JSON.stringify(CDK_JSON, null, 2)}\n`, { flag: 'wx' });
      written.push('cdk.json');
    }
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw appError('CLI_WRITE_FAILED', { where: manifestFile, problem }, { cause });
  }
  return written;
}

/** A manifest with the pins among its development dependencies; what it had before stays in its order. */
function pinned(text: string): string {
  const manifest = JSON.parse(text) as { devDependencies?: Record<string, string> };
  const all = { ...manifest.devDependencies, ...CDK_PINS };
  const devDependencies = Object.fromEntries(
    Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
  const next = `${JSON.stringify({ ...manifest, devDependencies }, null, 2)}\n`;
  return JSON.stringify(JSON.parse(next)) === JSON.stringify(JSON.parse(text)) ? text : next;
}
