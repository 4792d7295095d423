/**
 * The artifact of an app: everything that a container needs beside Node, as one `.tgz` named by its content.
 *
 * A1 The same files give the same bytes, on any machine and at any time; so an unchanged app is uploaded once.
 * A2 Layout: `app/` the project's files, {@link APP_BUNDLE} the bundle, `node_modules/stormkite/` the runtime,
 *    `artifact.json` what is to be installed beside them.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  copyFile,
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { create } from 'tar';
import { appError } from '../errors/index.ts';
import { APP_BUNDLE, ARTIFACT_INFO } from './artifact-layout.ts';
import { bundleApp } from './bundle.ts';
import { packageOf } from './bundle-native.ts';
import { projectFiles, type ProjectFile } from './project-files.ts';
import { containerRuntime } from './container-runtime.ts';

/** Every task downloads and unpacks it before it starts. */
const MAX_BYTES = 1024 * 1024 * 1024;
const PLAIN_MODE = 0o644;
const EXECUTABLE_MODE = 0o755;
const FILES_AT_ONCE = 64;

export interface ArtifactOptions {
  readonly appFile: string;
  /** Where the `.tgz` goes; made when missing. */
  readonly outDirectory: string;
  /** Patterns of files that stay out, as in `.gitignore`. */
  readonly ignorePatterns: readonly string[];
  /** npm specs of all works; installed by every task, since each loads the whole app file. */
  readonly requirements: readonly string[];
}

export interface Artifact {
  readonly path: string;
  /** 64 hex digits. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Packs an app.
 *
 * @throws what cannot be bundled (`HOST_…`), `HOST_ARTIFACT_TOO_LARGE`
 */
export async function buildArtifact(options: ArtifactOptions): Promise<Artifact> {
  await mkdir(options.outDirectory, { recursive: true });
  const stage = await mkdtemp(join(tmpdir(), 'stormkite-artifact-'));
  try {
    const files = await stageFiles(stage, options);
    const draft = join(options.outDirectory, `.artifact-${process.pid}-${Date.now()}.tgz`);
    try {
      await create(
        {
          file: draft,
          cwd: stage,
          gzip: true,
          portable: true,
          noDirRecurse: true,
          mtime: new Date(0),
        },
        files,
      );
      const sha256 = await hashOf(draft);
      const path = join(options.outDirectory, `app-${sha256.slice(0, 32)}.tgz`);
      await rename(draft, path);
      return { path, sha256, bytes: (await stat(path)).size };
    } finally {
      await rm(draft, { force: true });
    }
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** Puts everything in place; gives the paths, sorted. */
async function stageFiles(stage: string, options: ArtifactOptions): Promise<string[]> {
  const { appFile, requirements, ignorePatterns } = options;
  const bundles = join(stage, '.bundle');
  const installed = new Set(requirements.map(nameOfSpec));
  const [bundle, runtime] = await Promise.all([
    bundleApp({ appFile, outDirectory: bundles, packages: { installed } }),
    containerRuntime(),
  ]);
  const project = await projectFiles(bundle.projectRoot, ignorePatterns);
  checkSize(project);
  const made: [string, Uint8Array][] = [
    ...runtime,
    [APP_BUNDLE, await readFile(bundle.bundlePath)],
    [ARTIFACT_INFO, Buffer.from(JSON.stringify({ requirements: [...requirements].toSorted() }))],
  ];
  const staged: Staged[] = [
    ...project.map(({ path, executable }) => ({
      path: `app/${path}`,
      executable,
      write: (file: string) => copyFile(join(bundle.projectRoot, path), file),
    })),
    ...made.map(([path, bytes]) => ({
      path,
      executable: false,
      write: (file: string) => writeFile(file, bytes),
    })),
  ];
  for (let from = 0; from < staged.length; from += FILES_AT_ONCE)
    await Promise.all(staged.slice(from, from + FILES_AT_ONCE).map((each) => put(stage, each)));
  return staged.map(({ path }) => path).toSorted();
}

/** A file of the artifact. */
interface Staged {
  readonly path: string;
  readonly executable: boolean;
  readonly write: (file: string) => Promise<void>;
}

async function put(stage: string, { path, executable, write }: Staged): Promise<void> {
  const file = join(stage, path);
  await mkdir(dirname(file), { recursive: true });
  await write(file);
  await chmod(file, executable ? EXECUTABLE_MODE : PLAIN_MODE);
}

function checkSize(files: readonly ProjectFile[]): void {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= MAX_BYTES) return;
  const largest = files.reduce((a, b) => (a.bytes > b.bytes ? a : b)).path;
  throw appError('HOST_ARTIFACT_TOO_LARGE', { bytes, limit: MAX_BYTES, largest });
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** `sharp@0.33` installs `sharp`; `@scope/name@1` installs `@scope/name`. */
function nameOfSpec(spec: string): string {
  const at = spec.indexOf('@', 1);
  return packageOf(at < 0 ? spec : spec.slice(0, at));
}
