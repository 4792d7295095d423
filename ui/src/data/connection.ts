/**
 * Keeps a channel to the app open.
 *
 * C1 It resumes after the last message that was taken, so nothing is lost and nothing is taken twice.
 * C2 A channel that is silent is no proof of a connection (a laptop that slept): the app is asked, and the channel is given
 *    up when it does not answer.
 */
import { background } from './background.ts';
import { openChannel, type Channel, type Message, type Transport } from './channel.ts';
import { ask, Refused } from './server.ts';

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;
/** Silence after which the app is asked whether it is there. */
const SILENCE_MS = 30_000;
const PROBE_MS = 8_000;

export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | {
      readonly state: 'lost';
      /** Epoch milliseconds: what is shown is as of then. */
      readonly since: number;
      /** Epoch milliseconds of the next attempt; `null` while one is under way. */
      readonly nextAt: number | null;
      readonly why: 'unreachable' | 'token';
    };

export interface ConnectionHooks {
  /** @throws when the message does not fit to what came before; the state is then asked for as a whole */
  message(message: Message): void;
  link(link: Link): void;
}

export class Connection {
  readonly #hooks: ConnectionHooks;
  #channel: Channel | null = null;
  #transport: Transport = 'websocket';
  #lastId: string | null = null;
  #heardAt = 0;
  #attempts = 0;
  #lostAt: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(hooks: ConnectionHooks) {
    this.#hooks = hooks;
  }

  start(): void {
    this.#open();
    window.addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#lookSoon(0);
    });
  }

  /** Tries now instead of later. */
  retry(): void {
    if (this.#channel === null) this.#open();
  }

  /** What was taken does not add up: the state is asked for as a whole. */
  reset(): void {
    this.#lastId = null;
    this.#channel?.close();
    this.#channel = null;
    this.#open();
  }

  #open(): void {
    clearTimeout(this.#timer);
    if (this.#lostAt !== null)
      this.#hooks.link({ state: 'lost', since: this.#lostAt, nextAt: null, why: 'unreachable' });
    let isNew = true;
    this.#channel = openChannel(this.#transport, this.#lastId, {
      message: (message) => {
        isNew = false;
        this.#take(message);
      },
      ended: () => {
        this.#channel = null;
        background(this.#ended(isNew), 'connecting again');
      },
    });
    this.#heardAt = Date.now();
    this.#lookSoon(SILENCE_MS);
    // A resumed stream may have nothing to tell; that the app answers is enough.
    if (this.#lastId !== null) background(this.#probe(), 'asking whether the app is there');
  }

  #take(message: Message): void {
    this.#heard();
    this.#hooks.message(message);
    if (message.id !== null) this.#lastId = message.id;
  }

  #heard(): void {
    this.#heardAt = Date.now();
    if (this.#attempts === 0 && this.#lostAt === null && this.#lastId !== null) return;
    this.#attempts = 0;
    this.#lostAt = null;
    this.#hooks.link({ state: 'live' });
  }

  async #ended(isNew: boolean): Promise<void> {
    clearTimeout(this.#timer);
    this.#lostAt ??= Date.now();
    const since = this.#lostAt;
    const delayMs =
      Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts) * (0.75 + Math.random() / 4);
    this.#attempts += 1;
    let why: 'unreachable' | 'token' = 'unreachable';
    if (isNew) {
      const status = await statusOfApp();
      // The app is there, yet the channel does not open.
      if (status === 'there') this.#transport = this.#transport === 'sse' ? 'websocket' : 'sse';
      if (status === 'token') why = 'token';
    }
    if (this.#channel !== null) return;
    this.#hooks.link({ state: 'lost', since, nextAt: Date.now() + delayMs, why });
    this.#timer = setTimeout(() => this.#open(), delayMs);
  }

  #lookSoon(delayMs: number): void {
    if (this.#channel === null) return this.retry();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const silentMs = Date.now() - this.#heardAt;
      if (silentMs < SILENCE_MS && delayMs > 0) this.#lookSoon(SILENCE_MS - silentMs);
      else background(this.#probe(), 'asking whether the app is there');
    }, delayMs);
  }

  async #probe(): Promise<void> {
    const channel = this.#channel;
    const status = await statusOfApp();
    if (this.#channel !== channel || channel === null) return;
    if (status === 'there') {
      this.#heard();
      this.#lookSoon(SILENCE_MS);
      return;
    }
    channel.close();
    this.#channel = null;
    await this.#ended(false);
  }
}

async function statusOfApp(): Promise<'there' | 'token' | 'gone'> {
  try {
    await ask('healthz', { signal: AbortSignal.timeout(PROBE_MS) });
    return 'there';
  } catch (error) {
    return error instanceof Refused && error.status === 401 ? 'token' : 'gone';
  }
}
