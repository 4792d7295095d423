/**
 * Who may use the API.
 *
 * A1 A web page reaches it only from this machine's own addresses: `Host` stops DNS rebinding, `Origin` other sites.
 * A2 A server that other machines can reach wants a token in every request; comparing it takes the same time for all.
 * A3 An address that sends too many wrong tokens is refused for a while, also with the right one.
 * A4 Any one right credential is enough: what is proxied has cookies, tokens and an `Authorization` of its own.
 * A5 The cookie counts for pages of the app alone: browsers send it to and from every port of a host, `SameSite` or not.
 * A6 Names that something in front of the server is called by are told at its start, and only that has a say in who asks.
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
/** Stands for every name, where the address is not known beforehand. */
const ANY_HOST = '*';
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
  /** Whether it is answered without credentials: what a browser asks beforehand, and whether the server lives. */
  readonly isOpen: boolean;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** `?token=` of the URL, for the first visit of a browser to a page; `undefined` elsewhere. */
  readonly tokenInUrl: string | undefined;
  /** Who asks. */
  readonly address: string;
  /** `X-Forwarded-For`; its last address is the one that a load balancer saw. */
  readonly forwardedFor: string | undefined;
}

export interface AccessOptions {
  /** Address that the server is bound to. */
  readonly host: string;
  /** `null`: nobody needs one. */
  readonly token: string | null;
  /** Names by which something in front of the server is called; `*` is every name. @default - nothing is in front */
  readonly hosts?: readonly string[];
  readonly failed?: FailedTokens;
}

/** Names in a list with commas between them. */
export function parseHosts(text: string | undefined): string[] {
  const names = (text ?? '').split(',').map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== '');
}

export class Access {
  readonly #host: string;
  readonly #token: string | null;
  readonly #hosts: ReadonlySet<string>;
  readonly #failed: FailedTokens;

  constructor({ host, token, hosts = [], failed = new FailedTokens() }: AccessOptions) {
    this.#host = host;
    this.#token = token;
    this.#hosts = new Set(hosts);
    this.#failed = failed;
  }

  /** Whether a text is the token. */
  isToken(text: string): boolean {
    return this.#token !== null && isSame(text, this.#token);
  }

  /** Why a request is refused; `null` when it is not. */
  check(request: AccessRequest): AppError | null {
    const { host = '', origin } = request;
    const name = NOT_IN_HOST.test(host) ? null : nameOf(`http://${host}`);
    if (name === null || !(this.#isOwn(name) || this.#isCalled(name)))
      return appError('SERVER_HOST_REFUSED', { host });
    if (origin !== undefined && !this.#mayAsk(nameOf(origin), name))
      return appError('SERVER_ORIGIN_REFUSED', { origin });
    return request.isOpen ? null : this.#checkToken(request, this.#addressOf(request, name));
  }

  /** Whoever is in front adds whom it saw; what comes another way is believed nothing (A6). */
  #addressOf({ address, forwardedFor }: AccessRequest, name: string): string {
    if (forwardedFor === undefined || !this.#hosts.has(name)) return address;
    return forwardedFor.split(',').at(-1)?.trim() || address;
  }

  #isCalled(name: string): boolean {
    return this.#hosts.has(name) || this.#hosts.has(ANY_HOST);
  }

  /** Where every name is its own, a page still has only the one that it was read by. */
  #mayAsk(origin: string | null, host: string): boolean {
    if (origin === null) return false;
    return origin === host || this.#isOwn(origin) || this.#hosts.has(origin);
  }

  #checkToken(request: AccessRequest, address: string): AppError | null {
    const { authorization, cookie, tokenInUrl, origin } = request;
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
    for (const each of given) this.#failed.failed(address, each);
    return appError('SERVER_TOKEN_REFUSED', { problem: 'its token is wrong' });
  }

  #isOwn(name: string): boolean {
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
