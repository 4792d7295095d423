/** Bodies that SDKs send in signed or checked chunks: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n` … `0\r\n<trailers>`. */
import { ServiceError } from '../service-error.ts';

const LINE_END = '\r\n';

export interface Unchunked {
  readonly body: Buffer;
  /** Headers that came after the body. */
  readonly trailers: Readonly<Record<string, string>>;
}

export function unchunk(raw: Buffer): Unchunked {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = raw.indexOf(LINE_END, at);
    const size = Number.parseInt(raw.toString('latin1', at, end), 16);
    if (end === -1 || Number.isNaN(size))
      throw new ServiceError('IncompleteBody', 'The request body terminated unexpectedly');
    at = end + LINE_END.length;
    if (size === 0) break;
    if (at + size > raw.length)
      throw new ServiceError('IncompleteBody', 'The request body terminated unexpectedly');
    parts.push(raw.subarray(at, at + size));
    at += size + LINE_END.length;
  }
  const trailers = raw
    .toString('latin1', at)
    .split(LINE_END)
    .flatMap((line) => {
      const colon = line.indexOf(':');
      return colon === -1
        ? []
        : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const];
    });
  return { body: Buffer.concat(parts), trailers: Object.fromEntries(trailers) };
}
