/**
 * Requests to a deployed app that outlive their tunnel: while an app is paused, resumed or upgraded, its containers go and come.
 *
 * A flow that waits for the lease of the one before it answers nobody for minutes.
 */
import { setTimeout } from 'node:timers/promises';
import type { AppClient } from '../runtime/client/index.ts';
import { within } from '../runtime/client/within.ts';
import { appError, isAppError, type ErrorCode } from '../runtime/errors/index.ts';
import type { DeployedApp } from '../runtime/host/deployed-app.ts';
import type { RunInfo } from '../runtime/host/run-directory.ts';
import type { CommandContext } from './define-command.ts';
import { clientOf, infoOf } from './find-app.ts';

/** How long a flow may be silent: booting, then waiting for a lease that nobody gave back. */
const PATIENCE_MS = 600_000;
/** How long one request may take. */
const ANSWER_MS = 15_000;
const LOOK_MS = 2_000;
/** Between two notes of a wait that goes on. */
const TOLD_MS = 15_000;
const MINUTE_MS = 60_000;

/** What says that there is no way to the flow just now. */
const LOST: ReadonlySet<ErrorCode> = new Set([
  'SERVER_UNREACHABLE',
  'CLIENT_CLOSED',
  'DEPLOY_FLOW_NOT_RUNNING',
  'DEPLOY_TUNNEL_FAILED',
]);

type ReachableApp = Pick<DeployedApp, 'name' | 'reach'>;

export interface LineOptions {
  /** @default 10 minutes */
  readonly patienceMs?: number;
}

export class DeployedLine {
  readonly #context: Pick<CommandContext, 'output' | 'signal' | 'env'>;
  readonly #deployed: ReachableApp;
  readonly #patienceMs: number;
  readonly #lookMs: number;
  #way: { readonly info: RunInfo; readonly end: AbortController } | null = null;

  constructor(
    context: Pick<CommandContext, 'output' | 'signal' | 'env'>,
    deployed: ReachableApp,
    { patienceMs = PATIENCE_MS }: LineOptions = {},
  ) {
    this.#context = context;
    this.#deployed = deployed;
    this.#patienceMs = patienceMs;
    this.#lookMs = Number(context.env['STORMKITE_POLL_MS'] ?? LOOK_MS);
  }

  /**
   * Asks until there is an answer; a request may be repeated.
   *
   * @throws `DEPLOY_FLOW_SILENT`, and what is no matter of the line
   */
  async ask<T>(request: (client: AppClient) => Promise<T>): Promise<T> {
    const { output, signal } = this.#context;
    const startMs = performance.now();
    let toldMs = 0;
    for (;;) {
      try {
        const { info } = (this.#way ??= await this.#open());
        return await within(ANSWER_MS, signal, (limit) => request(clientOf(info, limit)));
      } catch (error) {
        signal.throwIfAborted();
        if (!isLost(error)) throw error;
        this.close();
        const waitedMs = performance.now() - startMs;
        if (waitedMs > this.#patienceMs)
          throw appError(
            'DEPLOY_FLOW_SILENT',
            { app: this.#deployed.name, minutes: Math.round(this.#patienceMs / MINUTE_MS) },
            { cause: error },
          );
        if (waitedMs >= toldMs) {
          output.note(`its flow does not answer yet (${Math.round(waitedMs / 1_000)} s)`);
          toldMs = waitedMs + TOLD_MS;
        }
        await setTimeout(this.#lookMs, undefined, { signal });
      }
    }
  }

  /** Asks again and again until an answer will do. */
  async until(request: (client: AppClient) => Promise<boolean>): Promise<void> {
    const { signal } = this.#context;
    while (!(await this.ask(request))) await setTimeout(this.#lookMs, undefined, { signal });
  }

  /** Ends the tunnel, if there is one. */
  close(): void {
    this.#way?.end.abort();
    this.#way = null;
  }

  async #open(): Promise<{ readonly info: RunInfo; readonly end: AbortController }> {
    const end = new AbortController();
    const { signal } = this.#context;
    const stop = (): void => end.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    end.signal.addEventListener('abort', () => signal.removeEventListener('abort', stop));
    const reached = await this.#deployed.reach(end.signal);
    return { info: { ...infoOf(this.#deployed), ...reached }, end };
  }
}

function isLost(error: unknown): boolean {
  return isAppError(error) && LOST.has(error.code);
}
