/**
 * Who may use the API.
 *
 * A1 A web page reaches it only from this machine's own addresses: `Host` stops DNS rebinding, `Origin` other sites.
 * A2 A server that other machines can reach wants a token in every request; comparing it takes the same time for all.
 * A3 An address that sends too many wrong tokens is refused for a while, also with the right one.
 * A4 Any one right credential is enough: what is proxied has cookies, tokens and an `Authorization` of its own.
 * A5 The cookie counts for pages of the app alone: browsers send it to and from every port of a host, `SameSite` or not.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { appError, type AppError } from '../errors/index.ts';
import { FailedTokens } from './failed-tokens.ts';

/** Cookie by which pages and what they load carry the token; never forwarded to what is proxied. */
export const TOKEN_COOKIE = 'stormkite_token';
/** Parameter of the address that `run` prints. */
export const TOKEN_PARAMETER = 'token';

const TOKEN_BYTES = 24;
const WILDCARDS = new Set(['0.0.0.0', '::', '']);
/** What a URL may have around the name of its host; a `Host` has only the name and a port. */
const NOT_IN_HOST = /[/\\?#@\s]/;

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    /^127(\.\d{1,3}){3}$/.test(name)
  );
}

/** A new token for a server that others can reach; `null` for loopback. */
export function tokenFor(host: string): string | null {
  return isLoopback(host) ? null : randomBytes(TOKEN_BYTES).toString('base64url');
}

/** What of a request decides about it. */
export interface AccessRequest {
  /** Whether a browser asks beforehand, which it does without credentials. */
  readonly isPreflight: boolean;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** `?token=` of the URL, for the first visit of a browser to a page; `undefined` elsewhere. */
  readonly tokenInUrl: string | undefined;
  /** Who asks. */
  readonly address: string;
}

export class Access {
  readonly #host: string;
  readonly #token: string | null;
  readonly #failed: FailedTokens;

  constructor(host: string, token: string | null, failed = new FailedTokens()) {
    this.#host = host;
    this.#token = token;
    this.#failed = failed;
  }

  /** Whether a text is the token. */
  isToken(text: string): boolean {
    return this.#token !== null && isSame(text, this.#token);
  }

  /** Why a request is refused; `null` when it is not. */
  check(request: AccessRequest): AppError | null {
    const { host, origin } = request;
    if (host === undefined || NOT_IN_HOST.test(host) || !this.#isOwn(nameOf(`http://${host}`))) {
      return appError('SERVER_HOST_REFUSED', { host: host ?? '' });
    }
    if (origin !== undefined && !this.#isOwn(nameOf(origin)))
      return appError('SERVER_ORIGIN_REFUSED', { origin });
    return request.isPreflight ? null : this.#checkToken(request);
  }

  #checkToken(request: AccessRequest): AppError | null {
    const { authorization, cookie, tokenInUrl, address, origin } = request;
    if (this.#token === null) return null;
    const seconds = this.#failed.blockedSeconds(address);
    if (seconds > 0) return appError('SERVER_TOKEN_LIMITED', { seconds });
    const bearer = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
    const cookies = cookiesOf(cookie, TOKEN_COOKIE);
    const isOwnPage = isSameOrigin(request);
    const given = [bearer, ...(isOwnPage ? cookies : []), tokenInUrl].filter(
      (each) => each !== undefined,
    );
    if (given.length === 0) {
      return origin === undefined || isOwnPage || cookies.length === 0
        ? appError('SERVER_TOKEN_REFUSED', { problem: 'it has no token' })
        : appError('SERVER_ORIGIN_REFUSED', { origin });
    }
    if (given.some((each) => this.isToken(each))) return null;
    this.#failed.failed(address, given.join(' '));
    return appError('SERVER_TOKEN_REFUSED', { problem: 'its token is wrong' });
  }

  #isOwn(name: string | null): boolean {
    if (name === null) return false;
    if (isLoopback(name) || name === this.#host.toLowerCase()) return true;
    if (isLoopback(this.#host)) return false;
    if (name === hostname().toLowerCase()) return true;
    return WILDCARDS.has(this.#host) && ownAddresses().has(name);
  }
}

function ownAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return new Set(all.map(({ address }) => address.toLowerCase()));
}

/** Host name of a URL, without port and brackets; `null` for what is none (also `Origin: null`). */
function nameOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { hostname: name, protocol } = new URL(url);
  return protocol === 'http:' || protocol === 'https:'
    ? name.replace(/^\[(.*)\]$/, '$1').toLowerCase()
    : null;
}

/** Whether no page asks, or one of the very host and port that is asked. */
function isSameOrigin({ host = '', origin }: AccessRequest): boolean {
  if (origin === undefined) return true;
  // Both are URLs: they passed the checks of their names.
  return new URL(origin).host === new URL(`${new URL(origin).protocol}//${host}`).host;
}

/** Values of a cookie; a browser may send several of one name, for several paths. */
function cookiesOf(header: string | undefined, name: string): string[] {
  const values: string[] = [];
  for (const part of (header ?? '').split(';')) {
    const [key = '', ...rest] = part.split('=');
    if (key.trim() === name) values.push(rest.join('=').trim());
  }
  return values;
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}
