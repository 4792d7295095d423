/** `flow.iterate`: the position is an entry in the flow's `calls`, so a suspended turn continues where it was. */
import type { Flow } from '../component/flow.ts';
import type { IterateOptions } from '../component/flow-options.ts';
import { metaOf } from '../component/meta.ts';
import type { Json } from '../state/json.ts';
import { callHash } from './call-hash.ts';
import { below, type Recorder } from './recorder.ts';

interface IterateEntry {
  readonly name: string;
  readonly counter: number;
  readonly has_finished: boolean;
}

export function* iterate<T>(
  flow: Flow,
  items: Iterable<T>,
  options: IterateOptions,
  site: string,
  recorder: Recorder,
): Generator<T> {
  const { calls, name, pointer } = metaOf(flow);
  const key = `iterate:${callHash([options.key ?? site])}`;
  const save = (counter: number, finished: boolean): void => {
    const entry: IterateEntry = { name, counter, has_finished: finished };
    const known = calls[key] as unknown as IterateEntry | undefined;
    if (known?.counter === counter && known.has_finished === finished) return;
    calls[key] = { ...entry } as unknown as Json;
    recorder.op(below(pointer, { op: 'add', path: `/calls/${key}`, value: { ...entry } as unknown as Json }));
  };
  const before = calls[key] as unknown as IterateEntry | undefined;
  if (before?.has_finished === true && options.runOnce !== false) return;
  const start = before && !before.has_finished ? before.counter : 0;
  let index = 0;
  for (const item of items) {
    if (index >= start) {
      save(index, false);
      yield item;
    }
    index += 1;
  }
  save(index, true);
}
