import { LineSplitter } from '../backends/local/line-splitter.ts';

/** `tee`: lines are heard and printed as they are; `capture`: they are only heard. */
export type FlowOutputMode = 'tee' | 'capture';

type Stream = 'stdout' | 'stderr';

/**
 * Hears every line that code in this process prints; returns a function that ends it.
 *
 * Whoever must print past it keeps the streams' own `write` from before.
 */
export function hearOutput(mode: FlowOutputMode, line: (stream: Stream, line: string) => void): () => void {
  const releases = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const original = stream.write;
    const splitter = new LineSplitter((text) => line(name, text));
    const write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      const encoding = typeof rest[0] === 'string' ? (rest[0] as BufferEncoding) : 'utf8';
      splitter.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk));
      if (mode === 'tee') return Reflect.apply(original, stream, [chunk, ...rest]) as boolean;
      const done = rest.find((each) => typeof each === 'function');
      if (done !== undefined) process.nextTick(done as () => void);
      return true;
    };
    stream.write = write;
    return () => {
      splitter.end();
      if (stream.write === write) stream.write = original;
    };
  });
  return () => {
    for (const release of releases) release();
  };
}
