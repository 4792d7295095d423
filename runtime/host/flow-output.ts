import { LineSplitter } from '../backends/local/line-splitter.ts';

/** `tee`: lines are heard and printed as they are; `capture`: they are only heard. */
export type FlowOutputMode = 'tee' | 'capture';

type Stream = 'stdout' | 'stderr';

/**
 * Hears every line that code in this process prints; returns a function that ends it.
 *
 * Whoever must print past it keeps the streams' own `write` from before.
 */
export function hearOutput(
  mode: FlowOutputMode,
  line: (stream: Stream, line: string) => void,
): () => void {
  const releases = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const original: unknown = Reflect.get(stream, 'write');
    const splitter = new LineSplitter((text) => line(name, text));
    const write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      const encoding = typeof rest[0] === 'string' ? (rest[0] as BufferEncoding) : 'utf8';
      splitter.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk));
      if (mode === 'tee') return Reflect.apply(original as typeof write, stream, [chunk, ...rest]);
      const done = rest.find((each) => typeof each === 'function');
      if (done !== undefined) process.nextTick(done);
      return true;
    };
    stream.write = write;
    return () => {
      splitter.end();
      if (Reflect.get(stream, 'write') === write) Reflect.set(stream, 'write', original);
    };
  });
  return () => {
    for (const release of releases) release();
  };
}
