/** A reader of the stream that keeps the state as the protocol tells a client to, strictly. */
import { get, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { applyPatch } from '../../../runtime/state/apply.ts';
import type { Json } from '../../../runtime/state/json.ts';
import type { StreamEvent } from '../../../runtime/protocol/events.ts';

export interface Told {
  readonly event: string;
  readonly id: string | null;
  readonly data: StreamEvent;
}

export class StreamReader {
  readonly told: Told[] = [];
  state: Json | undefined;
  version = 0;
  /** What did not follow from what came before. */
  readonly faults: string[] = [];
  lastId: string | null = null;
  isOver = false;
  #stop: () => void = () => undefined;
  #pause: () => void = () => undefined;
  #resume: () => void = () => undefined;

  /** Reads server-sent events; goes on after the last event that it has. */
  connect(url: string, query = '', headers: Record<string, string> = {}): Promise<IncomingMessage> {
    const resumed = this.lastId === null ? {} : { 'last-event-id': this.lastId };
    this.isOver = false;
    return new Promise((resolve, reject) => {
      const request = get(
        `${url}/stream?${query}`,
        { headers: { ...resumed, ...headers }, agent: false },
        (response) => {
          let rest = '';
          const take = (chunk: string): void => {
            const blocks = (rest + chunk).split('\n\n');
            rest = blocks.pop() ?? '';
            for (const block of blocks) this.#block(block);
          };
          response.setEncoding('utf8').on('data', take);
          response.on('close', () => {
            this.isOver = true;
          });
          response.on('error', () => undefined);
          this.#pause = () => response.pause();
          this.#resume = () => response.resume();
          resolve(response);
        },
      );
      request.on('error', reject);
      this.#stop = () => {
        request.destroy();
      };
    });
  }

  /** Reads the WebSocket; goes on after the last event that it has. */
  async connectSocket(url: string, query = ''): Promise<void> {
    const resumed = this.lastId === null ? '' : `&lastEventId=${this.lastId}`;
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws?${query}${resumed}`);
    this.isOver = false;
    this.#stop = () => socket.terminate();
    this.#pause = () => socket.pause();
    this.#resume = () => socket.resume();
    socket.on('close', () => {
      this.isOver = true;
    });
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as Told & { readonly id?: string };
      this.#take({ ...message, id: message.id ?? null });
    });
    await new Promise<void>((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
  }

  /** Breaks the connection. */
  drop(): void {
    this.#stop();
  }

  /** Reads nothing more for now. */
  pause(): void {
    this.#pause();
  }

  resume(): void {
    this.#resume();
  }

  of(event: string): Told[] {
    return this.told.filter((each) => each.event === event);
  }

  #block(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
      fields.set(name, value);
    }
    const [event, data] = [fields.get('event'), fields.get('data')];
    if (event === undefined || data === undefined) return;
    this.#take({ event, id: fields.get('id') ?? null, data: JSON.parse(data) as StreamEvent });
  }

  #take(told: Told): void {
    this.told.push(told);
    if (told.id !== null) this.lastId = told.id;
    const { data } = told;
    if (data.type === 'snapshot') {
      if (data.version < this.version) this.faults.push(`snapshot ${data.version} goes back`);
      this.state = data.state;
      this.version = data.version;
    } else if (data.type === 'turn') {
      if (data.version !== this.version + 1)
        this.faults.push(`turn ${data.version} after ${this.version}`);
      this.version = data.version;
      const count = data.sources.reduce((sum, { ops }) => sum + ops, 0);
      if (count !== data.ops.length) this.faults.push(`turn ${data.version} is not attributed`);
      const { doc, outcomes } = applyPatch(this.state ?? null, data.ops, 'atomic');
      const failed = outcomes.find(({ ok }) => !ok);
      if (failed && !failed.ok) this.faults.push(`turn ${data.version}: ${failed.message}`);
      this.state = doc;
    }
  }
}
