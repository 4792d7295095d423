/**
 * The emulator's HTTP server: reads requests, lets the faults act, answers.
 *
 * It listens on the loopback only, since whoever reaches it may start any program; and pages in a browser, which reach it
 * too, are refused by what browsers say of them (`Origin`, a foreign `Host`).
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { appError, isAppError } from '../../../errors/index.ts';
import type { Clock } from '../../../ports/clock.ts';
import { adminError } from './admin-api.ts';
import type { Faults } from './faults.ts';
import { printFailure } from './print-failure.ts';
import type { RawRequest, Routed } from './service-router.ts';
import { ServiceError } from './service-error.ts';
import type { Answer } from './wire/answers.ts';

const LOOPBACK = '127.0.0.1';
const LOOPBACK_NAMES: ReadonlySet<string> = new Set([LOOPBACK, 'localhost', '[::1]']);
/** Bytes of a request; an artifact is the largest. */
const MAX_BODY_BYTES = 1024 ** 3;

/** What each service says when it is asked too often. */
const THROTTLES: Readonly<Record<string, readonly [string, number]>> = {
  ecs: ['ThrottlingException', 400],
  ec2: ['RequestLimitExceeded', 503],
  autoscaling: ['Throttling', 400],
  s3: ['SlowDown', 503],
};
const THROTTLE: readonly [string, number] = ['ThrottlingException', 400];

export class HttpServer {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #faults: Faults;
  readonly #route: (request: RawRequest) => Routed;

  constructor(clock: Clock, faults: Faults, route: (request: RawRequest) => Routed) {
    this.#clock = clock;
    this.#faults = faults;
    this.#route = route;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        printFailure('an answer', error);
        response.destroy();
      });
    });
  }

  /** @throws `EMULATOR_PORT_TAKEN` */
  async listen(port: number): Promise<number> {
    try {
      this.#server.listen(port, LOOPBACK);
      await once(this.#server, 'listening');
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw appError('EMULATOR_PORT_TAKEN', { port, problem }, { cause });
    }
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const body = await readBody(request).catch(() => null);
    if (body === null) {
      response.destroy();
      return;
    }
    // A path of slashes alone is no address relative to another one.
    const target = `http://${LOOPBACK}${request.url ?? '/'}`;
    if (!URL.canParse(target)) {
      response.writeHead(400).end();
      return;
    }
    const url = new URL(target);
    const { method = 'GET', headers } = request;
    const answer = await this.#answer({ method, url, headers, body });
    if (answer === null) {
      response.destroy();
      return;
    }
    response.writeHead(answer.status, {
      ...(request.method === 'HEAD' ? {} : { 'content-length': Buffer.byteLength(answer.body) }),
      ...answer.headers,
    });
    response.end(answer.body);
  }

  /** `null`: the answer is lost. */
  async #answer(request: RawRequest): Promise<Answer | null> {
    let refuse: Routed['refuse'] = adminError;
    try {
      refuseBrowsers(request);
      const routed = this.#route(request);
      refuse = (error) => routed.refuse(error);
      const { service, operation } = routed;
      if (service !== null) await this.#misfortune(service, operation);
      const answer = await routed.run();
      const isLost =
        service !== null && this.#faults.takeFor('lost-answer', service, operation) !== null;
      return isLost ? null : answer;
    } catch (error) {
      return refuse(toServiceError(error));
    }
  }

  /** Faults that come before the effect. */
  async #misfortune(service: string, operation: string): Promise<void> {
    const delay = this.#faults.takeFor('delay', service, operation);
    if (delay !== null) await new Promise<void>((resolve) => this.#clock.after(delay.ms, resolve));
    if (this.#faults.takeFor('throttle', service, operation) !== null) {
      const [code, status] = THROTTLES[service] ?? THROTTLE;
      throw new ServiceError(code, 'Rate exceeded', { status });
    }
    const error = this.#faults.takeFor('error', service, operation);
    if (error !== null)
      throw new ServiceError(error.code, error.message ?? `${error.code} by a fault`, {
        status: error.status ?? 400,
      });
  }
}

function refuseBrowsers({ headers: { origin, host = '' } }: RawRequest): void {
  const name = host.replace(/:\d+$/, '');
  if (origin === undefined && LOOPBACK_NAMES.has(name)) return;
  throw new ServiceError(
    'AccessDeniedException',
    'The emulator answers programs on this machine only',
    {
      status: 403,
    },
  );
}

/** What we refuse ourselves is said in the service's way too; anything else is a bug of ours, which ends no tasks. */
function toServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (isAppError(error) && error.kind === 'user')
    return new ServiceError('ValidationException', `${error.message}; ${error.hint ?? ''}`);
  printFailure('a request', error);
  return new ServiceError('InternalFailure', String(error), { status: 500 });
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error('the request is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
