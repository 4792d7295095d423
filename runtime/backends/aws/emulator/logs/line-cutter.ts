import { StringDecoder } from 'node:string_decoder';
import { MAX_FRAME_BYTES } from '../../../../protocol/framing.ts';
import { HOST_LINE_HEAD } from '../../contract.ts';

/** Characters of one CloudWatch event; longer lines become several. */
const MAX_EVENT_CHARS = 256 * 1_024 - 26;

/**
 * Cuts what a container prints into lines at `\n`, as Docker's log driver does.
 *
 * Lines of hosts stay whole, as long as they may be, since half of one says nothing; others that are longer than an event become several.
 */
export class LineCutter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #take: (line: string) => void;
  #rest = '';
  /** Characters that the rest may have before it is looked at again. */
  #roomChars = MAX_EVENT_CHARS;

  constructor(take: (line: string) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    const lines = this.#decoder.write(chunk).split('\n');
    lines[0] = this.#rest + (lines[0] ?? '');
    this.#rest = lines.pop() ?? '';
    if (lines.length > 0) this.#roomChars = MAX_EVENT_CHARS;
    for (const line of lines) this.#cut(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (this.#rest.length <= this.#roomChars) return;
    this.#roomChars = maxCharsOf(this.#rest);
    if (this.#rest.length > this.#roomChars) this.#flush();
  }

  /** Gives the last line, if it has no line end. */
  end(): void {
    this.#rest += this.#decoder.end();
    if (this.#rest !== '') this.#flush();
  }

  #flush(): void {
    this.#cut(this.#rest);
    this.#rest = '';
    this.#roomChars = MAX_EVENT_CHARS;
  }

  #cut(line: string): void {
    for (const part of partsOf(line, maxCharsOf(line))) this.#take(part);
  }
}

/** A line as the events that CloudWatch makes of it. */
export function toEvents(line: string): readonly string[] {
  return partsOf(line, MAX_EVENT_CHARS);
}

function maxCharsOf(line: string): number {
  return line.startsWith(HOST_LINE_HEAD) ? MAX_FRAME_BYTES : MAX_EVENT_CHARS;
}

function partsOf(line: string, maxChars: number): readonly string[] {
  const count = Math.max(1, Math.ceil(line.length / maxChars));
  return Array.from({ length: count }, (_, index) =>
    line.slice(index * maxChars, (index + 1) * maxChars),
  );
}
