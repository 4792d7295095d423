import { mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { appError } from '../../runtime/errors/index.ts';
import { exitCodes } from '../../runtime/host/exit-codes.ts';
import { stormkiteVersion } from '../../runtime/host/package-version.ts';
import { defineCommand, jsonOption } from '../define-command.ts';
import { starterFiles } from '../starter.ts';

export const init = defineCommand({
  name: 'init',
  summary: 'Write a small app to start from, or with --aws make one ready to be deployed',
  details:
    'It runs at once, without installing anything. Files that exist are never overwritten.\n' +
    '--aws adds the AWS CDK to package.json, in versions that work together, and writes cdk.json.',
  arguments: { dir: { summary: 'Folder for it (default: this one)', optional: true } },
  options: {
    aws: { summary: 'Pin aws-cdk, aws-cdk-lib and constructs in the project, and write cdk.json' },
    ...jsonOption,
  },
  examples: [
    { line: 'stormkite init my-app', does: 'a new folder with an app' },
    { line: 'stormkite init', does: 'an app in this folder' },
    { line: 'stormkite init --aws', does: 'this project can be deployed' },
  ],
  async run({ output, cwd }, { dir = '.', aws }) {
    const directory = resolve(cwd, dir);
    if (aws) {
      const { prepareForAws } = await import('../prepare-for-aws.ts');
      const files = await prepareForAws(directory);
      const steps = ['npm install', 'stormkite doctor', 'stormkite deploy app.ts'];
      output.result({ directory, files, next: steps }, () => toText(files, steps));
      return exitCodes.done;
    }
    const files = starterFiles(packageNameOf(directory), stormkiteVersion());
    const existing = Object.keys(files).filter((file) => existsSync(join(directory, file)));
    if (existing.length > 0)
      throw appError('CLI_FILE_EXISTS', { files: existing.join(', '), directory });
    await writeFiles(directory, files);
    const shown = relative(cwd, directory);
    const steps = [...(shown === '' ? [] : [`cd ${shown}`]), 'stormkite run app.ts'];
    output.result({ directory, files: Object.keys(files), next: steps }, () =>
      toText(Object.keys(files), steps),
    );
    return exitCodes.done;
  },
});

async function writeFiles(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    // `wx`: what appeared meanwhile is not overwritten either.
    for (const [file, text] of Object.entries(files))
      await writeFile(join(directory, file), text, { flag: 'wx' });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw appError('CLI_WRITE_FAILED', { where: directory, problem }, { cause });
  }
}

/** A folder's name as npm accepts it. */
function packageNameOf(directory: string): string {
  const name = basename(directory)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '');
  return name === '' ? 'my-app' : name;
}

function toText(files: readonly string[], steps: readonly string[]): string {
  return `wrote ${files.join(', ')}\n\nnext:\n${steps.map((step) => `  ${step}`).join('\n')}`;
}
