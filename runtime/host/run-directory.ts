/**
 * Where a run keeps its files, and how other processes find it: `$STORMKITE_HOME/apps/<name>/`.
 *
 * D1 `run.json` exists while the app runs and is created by one process only; who creates it holds the name.
 * D2 A `run.json` whose process has ended is stale; pid *and* start time tell, since pids are used again.
 */
import { readFileSync, rmdirSync, rmSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { lookAtProcess } from '../backends/local/process-group.ts';
import { appError } from '../errors/index.ts';

const APP_NAME = /^[A-Za-z0-9._-]{1,64}$/;
const MAX_NAME_LENGTH = 64;
/** Only its owner may read what names a running app's address and token. */
const PRIVATE_MODE = 0o600;
const PRIVATE_DIRECTORY_MODE = 0o700;
/** How often a stale `run.json` is taken away before giving up. */
const MAX_CLAIMS = 3;

/** What a running app tells about itself. */
export interface RunInfo {
  readonly name: string;
  readonly pid: number;
  /** Tells this process from a later one of the same pid. */
  readonly processStart: string;
  /** ISO time. */
  readonly startedAt: string;
  /** Empty until the server listens. */
  readonly url: string;
  /** Bearer token of a server that is not bound to loopback. */
  readonly token?: string;
  readonly appFile: string;
  /** Version of stormkite. */
  readonly version: string;
}

/** Files of one app. */
export interface AppDirectory {
  readonly root: string;
  readonly runFile: string;
  readonly store: string;
  readonly logs: string;
  readonly bundle: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Folder of everything that Stormkite keeps on this machine. */
export function homeOf(env: Environment): string {
  const set = env['STORMKITE_HOME'];
  return set === undefined || set === '' ? join(homedir(), '.stormkite') : resolve(set);
}

export function appDirectoryOf(home: string, name: string): AppDirectory {
  const root = join(home, 'apps', encodeURIComponent(name));
  return {
    root,
    runFile: join(root, 'run.json'),
    store: join(root, 'store'),
    logs: join(root, 'logs'),
    bundle: join(root, 'bundle'),
  };
}

/**
 * The name of a run: as given, else the folder of an `app.*` file, else the file's own name.
 *
 * @throws `CLI_APP_NAME_INVALID`
 */
export function appNameOf(appFile: string, given?: string): string {
  const file = basename(appFile, extname(appFile));
  const name = given ?? (file === 'app' ? basename(dirname(resolve(appFile))) : file);
  if (!APP_NAME.test(name) || /^\.+$/.test(name)) {
    const suggestion = name.replaceAll(/[^A-Za-z0-9_-]+/g, '-').slice(0, MAX_NAME_LENGTH);
    throw appError('CLI_APP_NAME_INVALID', {
      name,
      suggestion: suggestion.replace(/^-+|-+$/g, '') || 'my-app',
    });
  }
  return name;
}

/** The right to run an app under its name. */
export interface RunClaim {
  readonly directory: AppDirectory;
  /** Makes the address known. */
  publish(server: { readonly url: string; readonly token?: string }): Promise<void>;
  /** Removes `run.json`; at once, also while the process exits. */
  release(): void;
}

/**
 * Takes the name of an app for this process.
 *
 * @throws `STORE_LOCKED` when another process runs it, `CLI_WRITE_FAILED`
 */
export async function claimRun(
  home: string,
  app: { readonly name: string; readonly appFile: string; readonly version: string },
): Promise<RunClaim> {
  const directory = appDirectoryOf(home, app.name);
  const { runFile } = directory;
  let info: RunInfo = {
    ...app,
    pid: process.pid,
    processStart: (await lookAtProcess(process.pid))?.startedAt ?? '',
    startedAt: new Date().toISOString(),
    url: '',
  };
  const draft = `${runFile}.${process.pid}`;
  try {
    await mkdir(directory.root, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    await writeInfo(draft, info);
    await linkWhenFree(draft, runFile, app.name);
  } catch (error) {
    throw toWriteError(error, directory.root);
  } finally {
    await rm(draft, { force: true }).catch(() => undefined);
  }
  return {
    directory,
    publish: async (server) => {
      info = { ...info, ...server };
      await writeInfo(draft, info);
      await rename(draft, runFile);
    },
    release: () => {
      if (isClaimOf(runFile, info)) rmSync(runFile, { force: true });
      removeIfEmpty(directory.root);
    },
  };
}

/** Whether `run.json` is still this run's own; a name that was taken away is not given back. */
function isClaimOf(runFile: string, { pid, processStart }: RunInfo): boolean {
  try {
    const found = parseRun(JSON.parse(readFileSync(runFile, 'utf8')));
    return found?.pid === pid && found.processStart === processStart;
  } catch {
    return false;
  }
}

/** A run that did not come far leaves no folder. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It holds the app's files.
  }
}

/** Creates `run.json` if nobody runs the app (D1). */
async function linkWhenFree(draft: string, runFile: string, name: string): Promise<void> {
  for (let tries = 0; tries < MAX_CLAIMS; tries += 1) {
    try {
      await link(draft, runFile);
      return;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    const holder = await readRun(runFile);
    if (holder !== null && (await isAlive(holder))) break;
    if (!(await takeAway(runFile, `${draft}.stale`))) break;
  }
  throw appError('STORE_LOCKED', { app: name, where: dirname(runFile) });
}

/** Removes a stale `run.json`; false when another process put its own there meanwhile, which stays. */
async function takeAway(runFile: string, aside: string): Promise<boolean> {
  try {
    await rename(runFile, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    throw error;
  }
  const taken = await readRun(aside);
  const isLive = taken !== null && (await isAlive(taken));
  if (isLive) await link(aside, runFile).catch(() => undefined);
  await rm(aside, { force: true });
  return !isLive;
}

/** All apps that run now, by name. Stale files are passed over, not removed. */
export async function runningApps(home: string): Promise<RunInfo[]> {
  const folders = await readdir(join(home, 'apps')).catch(() => []);
  const found = await Promise.all(
    folders.map((folder) => readRun(join(home, 'apps', folder, 'run.json'))),
  );
  const live: RunInfo[] = [];
  for (const info of found) if (info !== null && (await isAlive(info))) live.push(info);
  return live.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function readRun(runFile: string): Promise<RunInfo | null> {
  try {
    return parseRun(JSON.parse(await readFile(runFile, 'utf8')));
  } catch {
    return null;
  }
}

function parseRun(value: unknown): RunInfo | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, pid, processStart, startedAt, url, token, appFile, version } = value as Record<
    string,
    unknown
  >;
  if (typeof pid !== 'number' || typeof processStart !== 'string' || typeof startedAt !== 'string')
    return null;
  if (typeof name !== 'string' || typeof url !== 'string') return null;
  if (typeof appFile !== 'string' || typeof version !== 'string') return null;
  const info = { name, pid, processStart, startedAt, url, appFile, version };
  return typeof token === 'string' ? { ...info, token } : info;
}

async function isAlive({ pid, processStart }: RunInfo): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to someone else.
    if (errnoOf(error) !== 'EPERM') return false;
  }
  const sight = await lookAtProcess(pid);
  if (sight === null) return true;
  return !sight.isDefunct && (processStart === '' || sight.startedAt === processStart);
}

async function writeInfo(file: string, info: RunInfo): Promise<void> {
  await writeFile(file, `${JSON.stringify(info, null, 2)}\n`, { mode: PRIVATE_MODE });
}

function toWriteError(cause: unknown, where: string): unknown {
  if (errnoOf(cause) === undefined) return cause;
  return appError(
    'CLI_WRITE_FAILED',
    { where, problem: cause instanceof Error ? cause.message : '' },
    { cause },
  );
}

/** The operating system's name of an error (`ENOENT`); an error of ours has none. */
function errnoOf(error: unknown): string | undefined {
  const { syscall, code } = error as NodeJS.ErrnoException;
  return syscall === undefined ? undefined : code;
}
