/** Inspecting an app file: it is loaded in a process of its own, so that what it does stays there. */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { appError, fromWire, type WireError } from '../errors/index.ts';
import { manifestSchema, type Manifest } from './manifest.ts';

/** An app file that takes longer to load is stuck. */
const MAX_LOAD_MS = 60_000;
const ENTRY = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './inspect-main.ts' : './inspect-main.js',
    import.meta.url,
  ),
);

export interface InspectOptions {
  readonly appFile: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Hears what the app file prints while it loads. */
  readonly onOutput?: (text: string) => void;
}

/**
 * Loads an app in a child process and tells what it contains.
 *
 * @throws what cannot be loaded (`HOST_…`, `APP_…`, `STATE_…`, `COMPONENT_…`), `CLI_INSPECT_FAILED`
 */
export async function inspectApp(options: InspectOptions): Promise<Manifest> {
  // Made and removed here: user code may end the child at any time.
  const directory = await mkdtemp(join(tmpdir(), 'stormkite-inspect-'));
  try {
    return await inspectInto(directory, options);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function inspectInto(
  directory: string,
  { appFile, cwd, env, signal, onOutput }: InspectOptions,
): Promise<Manifest> {
  const child = fork(ENTRY, [appFile, directory], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: loaderArguments(),
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => onOutput?.(chunk.toString('utf8')));
  const kill = (): void => void child.kill('SIGKILL');
  const timer = setTimeout(kill, MAX_LOAD_MS);
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted === true) kill();
  try {
    const answer = await answerOf(child);
    signal?.throwIfAborted();
    if (answer === null) {
      const problem =
        child.signalCode === null
          ? `its process ended with code ${child.exitCode}`
          : `it did not load within ${MAX_LOAD_MS} ms`;
      throw appError('CLI_INSPECT_FAILED', { file: appFile, problem });
    }
    if ('error' in answer) throw fromWire(answer.error as WireError);
    return manifestSchema.parse((answer as { manifest?: unknown }).manifest);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
}

/** Its message after it has ended; `null` when it sent none. */
function answerOf(child: ReturnType<typeof fork>): Promise<object | null> {
  return new Promise((resolve, reject) => {
    let answer: object | null = null;
    child.once('message', (message) => {
      if (typeof message === 'object') answer = message;
    });
    child.once('error', reject);
    child.once('close', () => resolve(answer));
  });
}

/** From source, the child needs tsx; wherever it is started. */
function loaderArguments(): string[] {
  if (!import.meta.url.endsWith('.ts')) return [];
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
}
