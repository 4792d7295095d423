/** The Session Manager plugin: the program that speaks the protocol of sessions. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { PluginSession } from '../backends/aws/operate/flow-service.ts';
import { appError } from '../errors/index.ts';

export const PLUGIN = 'session-manager-plugin';
/** How long a tunnel may take to come up, in milliseconds. */
const OPEN_MS = 20_000;
const LOOK_MS = 50;

export interface PluginOptions {
  readonly region: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
}

/**
 * Starts the plugin; it ends with this process.
 *
 * @throws `AWS_PLUGIN_MISSING`
 */
export async function startPlugin(
  { session, request }: PluginSession,
  { region, env, stdio }: PluginOptions,
): Promise<ChildProcess> {
  const profile = env['AWS_PROFILE'] ?? '';
  const endpoint = env['AWS_ENDPOINT_URL_SSM'] ?? `https://ssm.${region}.amazonaws.com`;
  const args = [session, region, 'StartSession', profile, request, endpoint];
  const child = spawn(PLUGIN, args, { env, stdio });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw appError('AWS_PLUGIN_MISSING', { program: PLUGIN }, { cause });
  }
  const end = (): void => void child.kill();
  process.once('exit', end);
  child.once('close', () => process.off('exit', end));
  return child;
}

/**
 * Waits until a port of this machine is forwarded.
 *
 * @throws `DEPLOY_TUNNEL_FAILED` when the plugin ends, or takes too long
 */
export async function untilForwarded(
  child: ChildProcess,
  port: number,
  app: string,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + OPEN_MS;
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-500);
    });
  while (!(await accepts(port))) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (hasEnded || performance.now() > deadlineMs) {
      child.kill();
      const why = hasEnded ? 'the plugin ended' : 'it did not come up in time';
      throw appError('DEPLOY_TUNNEL_FAILED', { app, problem: `${why}: ${said.trim()}` });
    }
    await setTimeout(LOOK_MS, undefined, { signal });
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
