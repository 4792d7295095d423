import { StringDecoder } from 'node:string_decoder';

/** Bytes of one CloudWatch event; longer lines become several. */
const MAX_LINE_CHARS = 256 * 1_024 - 26;

/** Cuts what a container prints into lines at `\n`, as Docker's log driver does. */
export class LineCutter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #take: (line: string) => void;
  #rest = '';

  constructor(take: (line: string) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#cut(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (this.#rest.length > MAX_LINE_CHARS) this.#flush();
  }

  /** Gives the last line, if it has no line end. */
  end(): void {
    this.#rest += this.#decoder.end();
    if (this.#rest !== '') this.#flush();
  }

  #flush(): void {
    this.#cut(this.#rest);
    this.#rest = '';
  }

  #cut(line: string): void {
    for (let at = 0; at === 0 || at < line.length; at += MAX_LINE_CHARS)
      this.#take(line.slice(at, at + MAX_LINE_CHARS));
  }
}
