import type { StreamEvent } from '../protocol/events.ts';
import type { HistoryTurn } from './history.ts';

/** One event as it goes out; made once for all readers. */
export class Frame {
  readonly #event: string;
  readonly #id: string | null;
  readonly #json: string;
  #sse: Buffer | null = null;
  #message: Buffer | null = null;

  /** @param json - one line */
  constructor(event: string, id: string | null, json: string) {
    this.#event = event;
    this.#id = id;
    this.#json = json;
  }

  /** Characters of its data. */
  get length(): number {
    return this.#json.length;
  }

  /** As a server-sent event. */
  get sse(): Buffer {
    const id = this.#id === null ? '' : `id: ${this.#id}\n`;
    return (this.#sse ??= Buffer.from(`event: ${this.#event}\n${id}data: ${this.#json}\n\n`));
  }

  /** As a WebSocket message. */
  get message(): Buffer {
    const id = this.#id === null ? '' : `"id":"${this.#id}",`;
    return (this.#message ??= Buffer.from(`{"event":"${this.#event}",${id}"data":${this.#json}}`));
  }
}

/** @param part - what of the turn its readers hear */
export function turnFrame(
  run: string,
  turn: HistoryTurn,
  part: Pick<HistoryTurn, 'ops' | 'sources'>,
): Frame {
  const { version, at, stage } = turn;
  const { ops, sources } = part;
  const event: StreamEvent = { type: 'turn', version, at, stage, sources, ops };
  return new Frame('turn', `${run}-${version}`, JSON.stringify(event));
}

export function snapshotFrame(
  run: string,
  event: Extract<StreamEvent, { type: 'snapshot' }>,
): Frame {
  return new Frame('snapshot', `${run}-${event.version}`, JSON.stringify(event));
}
