/**
 * What of a request and an answer passes the proxy.
 *
 * X1 Our own credentials never reach an upstream, whatever it is.
 * X2 To the upstream the request comes from a page of its own: `Host`, `Origin` and `Referer` name its address. Whoever
 *    gets here has passed our own check of them.
 * X3 What an upstream says about places (`Location`, paths of cookies) stays below its prefix; it cannot set our cookie,
 *    nor anything that holds for the whole origin.
 * X4 A body is never sent without its length: its bytes would be read as a request of their own.
 * X5 A page that does not say who may frame it can be framed by our origin alone.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { FRAMED_BY_OWN_PAGES } from './guard.ts';
import type { UpstreamAddress } from './layout-source.ts';

/** Headers of one connection (RFC 9110 §7.6.1), and what Node does by itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'http2-settings',
]);
/** What would hold for all of our origin. */
const WHOLE_ORIGIN = new Set(['strict-transport-security', 'clear-site-data', 'alt-svc']);

/** One place that is proxied. */
export interface ProxyPlace {
  /** Path at which browsers see it, without a slash at its end. */
  readonly prefix: string;
  readonly address: UpstreamAddress;
  /** Whether the upstream does not know the prefix. */
  readonly isStripped: boolean;
}

/** Our own credentials. */
export interface Credentials {
  /** Name of the cookie with the token. */
  readonly cookie: string;
  /** Whether a text is the token. */
  isToken(text: string): boolean;
}

export interface ProxiedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
  readonly isEncrypted: boolean;
}

/** `127.0.0.1:8000`, `[::1]:8000`. */
export function authorityOf({ host, port }: UpstreamAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export function toUpstreamHeaders(
  { headers, remoteAddress, isEncrypted }: ProxiedRequest,
  place: ProxyPlace,
  credentials: Credentials,
): OutgoingHttpHeaders {
  const dropped = connectionNames(headers.connection);
  const out: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name) && !dropped.has(name)) out[name] = value;
  }
  const authority = authorityOf(place.address);
  const { host, origin, referer, authorization, cookie } = headers;
  out['host'] = authority;
  if (origin !== undefined) out['origin'] = `http://${authority}`;
  if (referer !== undefined) {
    const own = toUpstreamReferer(referer, place, credentials);
    if (own === null) delete out['referer'];
    else out['referer'] = own;
  }
  const bearer = /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1];
  if (bearer !== undefined && credentials.isToken(bearer)) delete out['authorization'];
  if (cookie !== undefined) {
    const kept = withoutCookie(cookie, credentials.cookie);
    if (kept === '') delete out['cookie'];
    else out['cookie'] = kept;
  }
  const before = headers['x-forwarded-for'];
  out['x-forwarded-for'] = [before, remoteAddress].filter(Boolean).join(', ');
  out['x-forwarded-host'] = headers['x-forwarded-host'] ?? host;
  out['x-forwarded-proto'] = headers['x-forwarded-proto'] ?? (isEncrypted ? 'https' : 'http');
  if (place.isStripped) out['x-forwarded-prefix'] = place.prefix;
  else delete out['x-forwarded-prefix'];
  return out;
}

export function toClientHeaders(
  headers: IncomingHttpHeaders,
  place: ProxyPlace,
  credentials: Pick<Credentials, 'cookie'>,
): OutgoingHttpHeaders {
  const dropped = connectionNames(headers.connection);
  const out: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || WHOLE_ORIGIN.has(name) || dropped.has(name))
      continue;
    out[name] = value;
  }
  const { location } = headers;
  if (location !== undefined) out['location'] = toClientLocation(location, place);
  const cookies = headers['set-cookie']
    ?.filter((cookie) => nameOf(cookie) !== credentials.cookie)
    .map((cookie) => toClientCookie(cookie, place));
  if (cookies !== undefined) out['set-cookie'] = cookies;
  if (isFramable(headers)) {
    const policies = [headers['content-security-policy'] ?? []].flat();
    // Policies that are joined by a comma hold all together.
    out['content-security-policy'] = [...policies, FRAMED_BY_OWN_PAGES].join(', ');
  }
  const allowed = headers['service-worker-allowed'];
  if (typeof allowed === 'string' && !isBelow(allowed, place.prefix))
    delete out['service-worker-allowed'];
  return out;
}

/** Whether an answer is a page that leaves open who may frame it. */
function isFramable(headers: IncomingHttpHeaders): boolean {
  const policy = [headers['content-security-policy'] ?? ''].flat().join();
  return (
    (headers['content-type'] ?? '').startsWith('text/html') &&
    headers['x-frame-options'] === undefined &&
    !policy.includes('frame-ancestors')
  );
}

/** The path and query that the upstream is asked for. */
export function toUpstreamPath(rest: string, place: ProxyPlace): string {
  const path = rest === '' || rest.startsWith('?') ? `/${rest}` : rest;
  return place.isStripped ? path : `${place.prefix}${path}`;
}

/** A redirect of the upstream, as a browser has to follow it. */
export function toClientLocation(
  location: string,
  { prefix, address, isStripped }: ProxyPlace,
): string {
  const origin = `http://${authorityOf(address)}`;
  const isAbsolute = location === origin || location.startsWith(`${origin}/`);
  const path = isAbsolute ? location.slice(origin.length) || '/' : location;
  if (!path.startsWith('/') || path.startsWith('//')) return path;
  return !isStripped || isBelow(path, prefix) ? path : `${prefix}${path}`;
}

function toClientCookie(cookie: string, { prefix, isStripped }: ProxyPlace): string {
  const [pair = '', ...attributes] = cookie.split(';');
  let hasPath = false;
  const kept = attributes.flatMap((attribute) => {
    const [name = '', value = ''] = attribute.split('=');
    const key = name.trim().toLowerCase();
    if (key === 'domain') return [];
    if (key !== 'path') return [attribute];
    hasPath = true;
    return [` Path=${toClientCookiePath(value.trim(), prefix, isStripped)}`];
  });
  return [pair, ...kept, ...(hasPath ? [] : [` Path=${prefix}/`])].join(';');
}

function toClientCookiePath(path: string, prefix: string, isStripped: boolean): string {
  if (isBelow(path, prefix)) return path;
  return isStripped && path.startsWith('/') && path !== '/' ? `${prefix}${path}` : `${prefix}/`;
}

/** The page that asks, at the address of the upstream; `null` when it must not be told. */
function toUpstreamReferer(
  referer: string,
  place: ProxyPlace,
  credentials: Credentials,
): string | null {
  if (!URL.canParse(referer)) return null;
  const { pathname, search, searchParams } = new URL(referer);
  if ([...searchParams.values()].some((value) => credentials.isToken(value))) return null;
  if (!isBelow(pathname, place.prefix)) return null;
  const path = place.isStripped ? pathname.slice(place.prefix.length) || '/' : pathname;
  return `http://${authorityOf(place.address)}${path}${search}`;
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`) || path.startsWith(`${prefix}?`);
}

function withoutCookie(header: string, name: string): string {
  return header
    .split(';')
    .filter((part) => nameOf(part) !== name && part.trim() !== '')
    .map((part) => part.trim())
    .join('; ');
}

function nameOf(cookie: string): string {
  return (cookie.split(/[=;]/)[0] ?? '').trim();
}

/** Headers that `Connection` names belong to the connection too; but where a body ends is no choice of its sender (X4). */
function connectionNames(header: string | undefined): ReadonlySet<string> {
  const names = new Set((header ?? '').split(',').map((name) => name.trim().toLowerCase()));
  names.delete('content-length');
  return names;
}
