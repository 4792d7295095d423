import { networkInterfaces } from 'node:os';
import type { Work } from '../component/work.ts';
import { isLoopback } from '../server/access.ts';
import type { Upstream } from '../server/layout-source.ts';

/**
 * Where a work's own server answers, as the work itself said it.
 *
 * Only this machine, and the address that the work has by its own account elsewhere, are ever connected to: state alone
 * cannot make the app send requests to others.
 */
export function workUpstreamOf(work: Work): Upstream {
  const { name, url, stripPrefix } = work;
  const { stage, reason } = work.status;
  const status = `its status is ${stage.replace('_', ' ')}${reason === undefined ? '' : ` (${reason})`}`;
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null) {
    return { title: name, address: null, doing: `it has no server yet; ${status}`, stripPrefix };
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  if (parsed.protocol !== 'http:' || !isOwn(host, work)) {
    const doing = `it is said to answer at ${parsed.origin}, which is not its own address; ${status}`;
    return { title: name, address: null, doing, stripPrefix };
  }
  const port = parsed.port === '' ? 80 : Number(parsed.port);
  return { title: name, address: { host, port }, doing: status, stripPrefix };
}

function isOwn(host: string, work: Work): boolean {
  if (isLoopback(host) || host === work.internalIp || host === work.host) return true;
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return own.some(({ address }) => address === host);
}
