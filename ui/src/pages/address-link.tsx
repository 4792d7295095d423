import { root } from '../data/server.ts';

/** Where a work serves: its own address when this browser can reach it, else the way through the app. */
export function AddressLink({ url, name }: { readonly url: string; readonly name: string }) {
  if (url === '' || !URL.canParse(url)) return <span className="nothing">–</span>;
  const parsed = new URL(url);
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
    return <span className="mono">{url}</span>;
  const isHere = isLoopback(parsed.hostname) && isLoopback(location.hostname);
  const href = isHere ? parsed.href : new URL(`works/${encodeURIComponent(name)}/`, root).href;
  return (
    <a
      className="mono"
      href={href}
      target="_blank"
      rel="noopener noreferrer"
      title={`Open ${url} in a new browser tab`}
      onClick={(event) => event.stopPropagation()}
    >
      {parsed.host}
    </a>
  );
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}
