/**
 * Lines that the app prints, as they come.
 *
 * G1 At most {@link MAX_LINES} are kept, the newest; how many were dropped is told.
 * G2 A feed that broke begins again with the tail: lines may be missing in between, which is told too.
 */
import { background } from './background.ts';
import type { LogLine } from '../../../runtime/ports/log-sink.ts';
import { ask } from './server.ts';

const MAX_LINES = 10_000;
const TAIL = 2_000;
const RETRY_MS = 2_000;

export interface Line extends LogLine {
  /** Counts up over the feed. */
  readonly n: number;
}

export interface LogView {
  readonly lines: readonly Line[];
  /** Lines that came and are not kept any more. */
  readonly dropped: number;
  readonly state: 'loading' | 'live' | 'broken';
}

export class LogFeed {
  view: LogView = { lines: [], dropped: 0, state: 'loading' };
  readonly #source: string | null;
  readonly #listeners = new Set<() => void>();
  #ended: AbortController | null = null;
  #lines: Line[] = [];
  #count = 0;
  /** What the next frame tells. */
  #state: LogView['state'] = 'loading';
  #isPlanned = false;

  /** @param source - a work's full name, `flow`, or `null` for all */
  constructor(source: string | null) {
    this.#source = source;
  }

  /** Follows as long as anybody listens. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) background(this.#follow(), 'following lines');
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#ended?.abort();
    };
  };

  async #follow(): Promise<void> {
    const ended = new AbortController();
    this.#ended = ended;
    const path = this.#source === null ? 'logs' : `works/${encodeURIComponent(this.#source)}/logs`;
    while (!ended.signal.aborted) {
      try {
        const response = await ask(`${path}?follow=1&tail=${TAIL}`, { signal: ended.signal });
        this.#lines = [];
        this.#count = 0;
        this.#plan('live');
        await this.#read(response);
      } catch {
        // Told below; the connection's own banner says why.
      }
      if (ended.signal.aborted) return;
      this.#plan('broken');
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #read(response: Response): Promise<void> {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done || value === undefined) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '') continue;
        this.#lines.push({ ...(JSON.parse(line) as LogLine), n: this.#count });
        this.#count += 1;
      }
      if (this.#lines.length > MAX_LINES * 1.25) this.#lines = this.#lines.slice(-MAX_LINES);
      this.#plan('live');
    }
  }

  #plan(state: LogView['state']): void {
    this.#state = state;
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    requestAnimationFrame(() => {
      this.#isPlanned = false;
      const lines = this.#lines.slice(-MAX_LINES);
      this.view = { lines, dropped: this.#count - lines.length, state: this.#state };
      for (const listener of this.#listeners) listener();
    });
  }
}
