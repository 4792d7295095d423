import { connect } from 'node:net';

/** Milliseconds between two attempts: the first wait, its growth and its limit. */
const FIRST_WAIT_MS = 50;
const GROWTH = 1.5;
const MAX_WAIT_MS = 2_000;

/** Finds out when a work's own server answers: tries while a call runs, until it did once. */
export class UrlProbe {
  readonly #found: (url: string) => void;
  #address: { readonly host: string; readonly port: number } | null = null;
  #active = false;
  #timer: NodeJS.Timeout | null = null;
  #waitMs = FIRST_WAIT_MS;
  #trying = false;

  constructor(found: (url: string) => void) {
    this.#found = found;
  }

  announce(host: string, port: number): void {
    const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
    this.#address = { host: reachable, port };
    this.#next(FIRST_WAIT_MS);
  }

  calling(active: boolean): void {
    this.#active = active;
    if (active) this.#next(FIRST_WAIT_MS);
    else if (this.#timer !== null) clearTimeout(this.#timer);
    if (!active) this.#timer = null;
  }

  #next(waitMs: number): void {
    if (!this.#active || this.#address === null || this.#timer !== null || this.#trying) return;
    this.#waitMs = waitMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#try();
    }, waitMs);
  }

  #try(): void {
    if (this.#address === null) return;
    this.#trying = true;
    const { host, port } = this.#address;
    const socket = connect({ host, port });
    const over = (answered: boolean): void => {
      if (!this.#trying) return;
      this.#trying = false;
      socket.destroy();
      if (answered) {
        this.#address = null;
        this.#found(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
      } else {
        this.#next(Math.min(MAX_WAIT_MS, this.#waitMs * GROWTH));
      }
    };
    socket.setTimeout(MAX_WAIT_MS, () => over(false));
    socket.once('connect', () => over(true));
    socket.once('error', () => over(false));
  }
}
