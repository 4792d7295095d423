/**
 * Whether an upstream knows the path below which it is shown.
 *
 * Jupyter with a `base_url`, Streamlit with a base path and Vite with a `base` answer below that path only; a plain server
 * knows nothing of it. So an upstream is asked, once per address: it knows the path when there is something at it, and at
 * the root there is nothing or a way to it.
 */
import { request } from 'node:http';
import { authorityOf } from './proxy-headers.ts';
import type { UpstreamAddress } from './layout-source.ts';

/** How long an upstream may take to say what it has. */
const ASK_MS = 5_000;
const NOT_FOUND = 404;
const FAILED = 500;
/** Addresses that are remembered; ports are used again, so the oldest go. */
const MAX_KNOWN = 1_000;

interface Found {
  readonly isStripped: boolean;
  /** False while the upstream fails: it may not have all of its paths yet. */
  readonly isCertain: boolean;
}

interface Answer {
  readonly status: number;
  readonly location: string;
}

export class PrefixKnowledge {
  readonly #known = new Map<string, Promise<Found>>();

  /** Whether the prefix is to be taken off; rejects when the upstream does not answer. */
  async isStripped(address: UpstreamAddress, prefix: string): Promise<boolean> {
    const key = `${authorityOf(address)} ${prefix}`;
    const asked = this.#known.get(key) ?? this.#ask(key, address, prefix);
    try {
      const { isStripped, isCertain } = await asked;
      if (!isCertain) this.#forget(key, asked);
      return isStripped;
    } catch (error) {
      // One that could not answer is asked again.
      this.#forget(key, asked);
      throw error;
    }
  }

  /** Asks again the next time: another server may have taken the port. */
  forget(address: UpstreamAddress, prefix: string): void {
    this.#known.delete(`${authorityOf(address)} ${prefix}`);
  }

  #ask(key: string, address: UpstreamAddress, prefix: string): Promise<Found> {
    const asked = find(address, prefix);
    this.#known.set(key, asked);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    return asked;
  }

  /** Unless it was asked again meanwhile. */
  #forget(key: string, asked: Promise<Found>): void {
    if (this.#known.get(key) === asked) this.#known.delete(key);
  }
}

async function find(address: UpstreamAddress, prefix: string): Promise<Found> {
  const below = await ask(address, `${prefix}/`);
  if (below.status === NOT_FOUND) return { isStripped: true, isCertain: true };
  const root = await ask(address, '/');
  const leadsBelow = root.status >= 300 && root.status < 400 && root.location.includes(prefix);
  return {
    isStripped: !leadsBelow && root.status !== NOT_FOUND,
    isCertain: below.status < FAILED && root.status < FAILED,
  };
}

function ask(address: UpstreamAddress, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: address.host,
        port: address.port,
        path,
        agent: false,
        headers: { host: authorityOf(address), accept: 'text/html' },
        timeout: ASK_MS,
      },
      (response) => {
        resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? '' });
        // What it has to say is of no interest.
        response.destroy();
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${ASK_MS} ms`)));
    asked.on('error', reject);
    asked.end();
  });
}
