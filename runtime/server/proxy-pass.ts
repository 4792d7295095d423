/** Finds out where a request to an upstream goes, sends it there, and says so when that cannot be done. */
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { appError, isAppError, type AppError } from '../errors/index.ts';
import type { Upstream } from './layout-source.ts';
import type { Credentials } from './proxy-headers.ts';
import { answerUnavailable } from './proxy-page.ts';
import { PrefixKnowledge } from './proxy-prefix.ts';
import {
  defaultProxyTimings,
  passRequest,
  passUpgrade,
  type Passing,
  type ProxyTimings,
} from './proxy.ts';

const BAD_GATEWAY = 502;
const UNAVAILABLE = 503;
const TIMEOUT = 504;

/** What an upstream is asked for. */
export interface Wanted {
  readonly upstream: Upstream;
  /** Path at which browsers see the upstream. */
  readonly prefix: string;
  /** Path and query below it. */
  readonly rest: string;
}

export class ProxyPass {
  readonly #credentials: Credentials;
  readonly #timings: ProxyTimings;
  readonly #prefixes = new PrefixKnowledge();

  constructor(credentials: Credentials, timings: Partial<ProxyTimings> = {}) {
    this.#credentials = credentials;
    this.#timings = { ...defaultProxyTimings, ...timings };
  }

  /** Answers a request, whatever happens. */
  async request(request: IncomingMessage, response: ServerResponse, wanted: Wanted): Promise<void> {
    try {
      await passRequest(request, response, await this.#passing(wanted));
    } catch (error) {
      this.#fail(request, response, wanted, error);
    }
  }

  /** Answers a request that asks for another protocol, whatever happens. */
  async upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    wanted: Wanted,
  ): Promise<void> {
    const response = new ServerResponse(request);
    response.assignSocket(request.socket);
    // Nobody reads further requests from this connection.
    response.shouldKeepAlive = false;
    response.once('finish', () => socket.end());
    try {
      await passUpgrade(request, response, { socket, head }, await this.#passing(wanted));
    } catch (error) {
      this.#fail(request, response, wanted, error);
    }
  }

  async #passing({ upstream, prefix, rest }: Wanted): Promise<Passing> {
    const { address, doing, title } = upstream;
    if (address === null) throw appError('UPSTREAM_NOT_READY', { what: title, doing });
    const isStripped = upstream.stripPrefix ?? (await this.#prefixes.isStripped(address, prefix));
    return {
      place: { prefix, address, isStripped },
      rest: withoutToken(rest, this.#credentials),
      title,
      credentials: this.#credentials,
      timings: this.#timings,
    };
  }

  #fail(
    request: IncomingMessage,
    response: ServerResponse,
    { upstream, prefix }: Wanted,
    cause: unknown,
  ): void {
    // Another server may have the port when it answers again.
    if (upstream.address !== null) this.#prefixes.forget(upstream.address, prefix);
    const problem = cause instanceof Error ? cause.message : String(cause);
    const error = isAppError(cause)
      ? cause
      : appError(
          'UPSTREAM_FAILED',
          { what: upstream.title, problem: `${problem}; ${upstream.doing}` },
          { cause },
        );
    answerUnavailable(request, response, statusOf(error), error);
  }
}

/** Takes our token out of the address of what is proxied; servers there may have tokens of their own. */
function withoutToken(rest: string, credentials: Credentials): string {
  const at = rest.indexOf('?');
  if (at === -1) return rest;
  const pairs = rest.slice(at + 1).split('&');
  const kept = pairs.filter((pair) => !credentials.isToken(pair.slice(pair.indexOf('=') + 1)));
  if (kept.length === pairs.length) return rest;
  return kept.length === 0 ? rest.slice(0, at) : `${rest.slice(0, at)}?${kept.join('&')}`;
}

function statusOf({ code }: AppError): number {
  if (code === 'UPSTREAM_NOT_READY') return UNAVAILABLE;
  return code === 'UPSTREAM_TIMEOUT' ? TIMEOUT : BAD_GATEWAY;
}
