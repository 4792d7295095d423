/**
 * Bundles the user's own files into one module that every process of the app loads.
 *
 * B1 Class names, line numbers and `import.meta` stay those of the source.
 * B2 Class fields are defined, not assigned, whatever the user's tsconfig says: state is made of own fields.
 * B3 The file is named by its content and appears whole or not at all; unchanged content is not written again.
 */
import { createHash, randomUUID } from 'node:crypto';
import { access, constants, mkdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, parse } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { appError } from '../errors/index.ts';
import { toBundleError } from './bundle-errors.ts';
import { importsPlugin } from './bundle-imports.ts';
import { packagedImportsPlugin, type PackagesIn } from './bundle-packages.ts';
import { metaDefines, metaPlugin } from './bundle-meta.ts';

/** Hex digits of the content hash. */
const HASH_DIGITS = 32;

export interface BundleOptions {
  /** The user's file, absolute or from the working directory. */
  readonly appFile: string;
  /** Where the bundle goes; made when missing. */
  readonly outDirectory: string;
  /** Packages go into the bundle, for a machine that has none of them. @default - they stay where they are */
  readonly packages?: PackagesIn;
}

export interface Bundle {
  readonly bundlePath: string;
  /** Of the content; also part of the file's name. */
  readonly hash: string;
  /** The nearest folder above the app file with a `package.json`, else the app file's own. */
  readonly projectRoot: string;
}

/**
 * Bundles an app file.
 *
 * @throws `HOST_APP_FILE_MISSING`, `HOST_APP_FILE_UNREADABLE`, `HOST_APP_SYNTAX`, `HOST_IMPORT_NOT_FOUND`, `HOST_NATIVE_PACKAGE`
 */
export async function bundleApp({
  appFile,
  outDirectory,
  packages,
}: BundleOptions): Promise<Bundle> {
  const entry = await readableFile(appFile);
  const projectRoot = (await nearest(dirname(entry), 'package.json')) ?? dirname(entry);
  const directory = await outputDirectory(outDirectory);
  const tsconfig = await writeTsconfig(dirname(entry), directory);
  try {
    const bytes = await bundleBytes({
      ...FIXED,
      absWorkingDir: projectRoot,
      entryPoints: [entry],
      outfile: join(directory, 'app.mjs'),
      tsconfig,
      plugins: [
        packages === undefined
          ? importsPlugin(projectRoot)
          : packagedImportsPlugin(projectRoot, packages),
        metaPlugin(projectRoot),
      ],
    });
    const hash = createHash('sha256').update(bytes).digest('hex').slice(0, HASH_DIGITS);
    const bundlePath = join(directory, `app-${hash}.mjs`);
    if (!(await exists(bundlePath))) await writeWhole(bundlePath, bytes);
    return { bundlePath, hash, projectRoot };
  } catch (error) {
    throw toBundleError(error, projectRoot) ?? error;
  } finally {
    await rm(tsconfig, { force: true });
  }
}

const FIXED = {
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Only what Node itself uses: never `module`, in `exports` or beside `main`.
  conditions: ['node'],
  mainFields: ['main'],
  keepNames: true,
  sourcemap: 'inline',
  // `sideEffects: false` of the user's package must not drop their own `import './setup.ts'`.
  ignoreAnnotations: true,
  charset: 'utf8',
  logLevel: 'silent',
  define: { ...metaDefines },
  // Files in CommonJS style call it for packages, by absolute path.
  banner: {
    js: "import { createRequire as __stormkiteRequire } from 'node:module'; const require = __stormkiteRequire(import.meta.url);",
  },
} satisfies BuildOptions;

async function bundleBytes(options: BuildOptions): Promise<Uint8Array> {
  const { outputFiles } = await build({ ...options, write: false });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild wrote nothing');
  return file.contents;
}

async function readableFile(appFile: string): Promise<string> {
  try {
    const file = await realpath(appFile);
    if (!(await stat(file)).isFile())
      throw appError('HOST_APP_FILE_UNREADABLE', { file: appFile, problem: 'it is not a file' });
    await access(file, constants.R_OK);
    return file;
  } catch (cause) {
    const errno = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (errno === 'ENOENT' || errno === 'ENOTDIR')
      throw appError('HOST_APP_FILE_MISSING', { file: appFile }, { cause });
    if (errno !== 'EACCES' && errno !== 'ELOOP') throw cause;
    throw appError('HOST_APP_FILE_UNREADABLE', { file: appFile, problem: errno }, { cause });
  }
}

async function outputDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return realpath(path);
}

/** The user's own tsconfig (for `paths` and `jsx`) with B2 on top. */
async function writeTsconfig(from: string, directory: string): Promise<string> {
  const folder = await nearest(from, 'tsconfig.json');
  const config = {
    ...(folder === null ? {} : { extends: join(folder, 'tsconfig.json') }),
    compilerOptions: { useDefineForClassFields: true, target: 'ES2022' },
  };
  const file = join(directory, `tsconfig-${randomUUID()}.json`);
  await writeFile(file, JSON.stringify(config));
  return file;
}

async function nearest(from: string, name: string): Promise<string | null> {
  for (let folder = from; ; folder = dirname(folder)) {
    if (await exists(join(folder, name))) return folder;
    if (folder === parse(folder).root) return null;
  }
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}-${randomUUID()}`);
  try {
    await writeFile(draft, bytes);
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
