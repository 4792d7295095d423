/**
 * How a local work's process learns where its flow is: one environment variable, removed before user code loads.
 */
import { appError } from '../errors/index.ts';

/** Name of the environment variable that carries what a work's process needs before it has a work. */
export const WORK_BOOT_VARIABLE = 'STORMKITE_WORK_BOOT';

/** What a local work's process needs before it has a work. */
export interface SocketBoot {
  readonly kind: 'socket';
  /** Path of the flow's socket, or name of its pipe. */
  readonly socket: string;
  /** Secret identity of this process; names it in the handshake. */
  readonly slot: string;
  /** The bundled app file. */
  readonly bundlePath: string;
  readonly projectRoot: string;
  /** How long user code may go on after the flow is gone, in milliseconds; then the process group is killed. */
  readonly orphanGraceMs: number;
}

export function formatSocketBoot(boot: SocketBoot): string {
  return JSON.stringify(boot);
}

/** @throws `PROTOCOL_MESSAGE_INVALID` */
export function parseSocketBoot(text: string | undefined): SocketBoot {
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw invalid('it is missing');
  const { socket, slot, bundlePath, projectRoot, orphanGraceMs } = value as Record<string, unknown>;
  if (typeof socket !== 'string' || typeof slot !== 'string') throw invalid('it names no socket');
  if (typeof bundlePath !== 'string' || typeof projectRoot !== 'string')
    throw invalid('it names no app');
  if (typeof orphanGraceMs !== 'number') throw invalid('it has no grace');
  return { kind: 'socket', socket, slot, bundlePath, projectRoot, orphanGraceMs };
}

function invalid(problem: string): Error {
  return appError('PROTOCOL_MESSAGE_INVALID', { message: WORK_BOOT_VARIABLE, problem });
}
