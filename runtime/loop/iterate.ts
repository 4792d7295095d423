/** `flow.iterate`: the position is an entry in the flow's `calls`, so a suspended turn continues where it was. */
import type { Flow } from '../component/flow.ts';
import type { IterateOptions } from '../component/flow-options.ts';
import { metaOf } from '../component/meta.ts';
import { cloneJson, deepEqual, type Json } from '../state/json.ts';
import { callHash } from './call-hash.ts';
import type { Recorder } from './recorder.ts';

interface IterateEntry {
  readonly name: string;
  readonly counter: number;
  readonly has_finished: boolean;
}

/** An entry that moved in this turn, and how it stood before. */
interface Moved {
  readonly flow: Flow;
  readonly key: string;
  readonly before: Json | undefined;
}

export class Iterations {
  readonly #recorder: Recorder;
  readonly #moved = new Map<string, Moved>();

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  *iterate<T>(flow: Flow, items: Iterable<T>, options: IterateOptions, site: string): Generator<T> {
    const key = `iterate:${callHash([options.key ?? site])}`;
    const before = metaOf(flow).calls[key] as unknown as IterateEntry | undefined;
    if (before?.has_finished === true && options.runOnce !== false) return;
    const start = before && !before.has_finished ? before.counter : 0;
    let index = 0;
    for (const item of items) {
      if (index >= start) {
        this.#move(flow, key, index, false);
        yield item;
      }
      index += 1;
    }
    this.#move(flow, key, index, true);
  }

  /** The turn is over: what it left elsewhere than it found is recorded. */
  collect(): void {
    for (const { flow, key, before } of this.#moved.values()) {
      const { calls, pointer, deleted } = metaOf(flow);
      const value = calls[key];
      if (deleted || value === undefined || (before !== undefined && deepEqual(before, value)))
        continue;
      this.#recorder.op({ op: 'add', path: `${pointer}/calls/${key}`, value: cloneJson(value) });
    }
    this.#moved.clear();
  }

  #move(flow: Flow, key: string, counter: number, finished: boolean): void {
    const { calls, name } = metaOf(flow);
    const id = `${name} ${key}`;
    if (!this.#moved.has(id)) this.#moved.set(id, { flow, key, before: calls[key] });
    const entry: IterateEntry = { name, counter, has_finished: finished };
    calls[key] = { ...entry };
  }
}
