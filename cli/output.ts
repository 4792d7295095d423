/** The only writer to the terminal. */
import pc from 'picocolors';
import { isAppError, renderError, toWire, type ErrorCode } from '../runtime/errors/index.ts';
import type { AppEvent } from '../runtime/protocol/events.ts';

/** Errors whose cause is what the user's own code threw: they need its stack. */
const WRAPS_USER_ERROR: ReadonlySet<ErrorCode> = new Set(['WORK_FAILED', 'HOST_APP_LOAD_FAILED']);

export interface OutputOptions {
  readonly isJson: boolean;
  readonly isVerbose: boolean;
  readonly env: NodeJS.ProcessEnv;
}

export class Output {
  /** True: standard output carries JSON and nothing else. */
  readonly isJson: boolean;
  /** Aborted when nobody reads standard output any more (`| head`). */
  readonly unread: AbortSignal;
  readonly colours: ReturnType<typeof pc.createColors>;
  readonly #isVerbose: boolean;
  readonly #errorColours: ReturnType<typeof pc.createColors>;
  // The streams' own `write`, also when what user code prints is heard (`run`).
  readonly #stdout = process.stdout.write.bind(process.stdout);
  readonly #stderr = process.stderr.write.bind(process.stderr);

  constructor({ isJson, isVerbose, env }: OutputOptions) {
    this.isJson = isJson;
    this.#isVerbose = isVerbose;
    const isPlain = isJson || (env['NO_COLOR'] ?? '') !== '';
    this.colours = pc.createColors(!isPlain && isTerminal(process.stdout));
    this.#errorColours = pc.createColors(!isPlain && isTerminal(process.stderr));
    const unread = new AbortController();
    this.unread = unread.signal;
    for (const stream of [process.stdout, process.stderr]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
        if (stream === process.stdout) unread.abort();
      });
    }
  }

  /** A line for people on standard output; nothing in JSON mode. */
  line(text: string): void {
    if (!this.isJson) this.#print(`${text}\n`);
  }

  /** A line for people on standard error, also in JSON mode. */
  note(text: string): void {
    this.#stderr(`${text}\n`);
  }

  /** Something the user should know; nothing failed. */
  warn(text: string): void {
    this.note(`${this.#errorColours.yellow('!')} ${text}`);
  }

  /** A detail, for who wants to see more. */
  detail(text: string): void {
    this.note(this.#errorColours.dim(text));
  }

  /** One value as a line of JSON. */
  json(value: unknown): void {
    this.#print(`${JSON.stringify(value)}\n`);
  }

  event(event: AppEvent): void {
    this.json(event);
  }

  /** The result of a command, for programs or for people. */
  result(value: unknown, toText: () => string): void {
    if (this.isJson) this.json(value);
    else this.line(toText());
  }

  /** What went wrong: an `error` event in JSON mode. */
  error(error: unknown): void {
    if (this.isJson) this.event({ type: 'error', at: Date.now(), error: toWire(error) });
    else this.note(this.#render(error));
  }

  /** Resolves when everything was handed to the operating system, or nobody takes it. */
  async flush(): Promise<void> {
    await Promise.all(
      [this.#stdout, this.#stderr].map(
        (write) => new Promise<void>((resolve) => write('', () => resolve())),
      ),
    );
  }

  #print(text: string): void {
    if (!this.unread.aborted) this.#stdout(text);
  }

  #render(error: unknown): string {
    const { red, bold, dim } = this.#errorColours;
    const paints = { mark: red, code: bold, label: dim };
    const options = {
      verbose: this.#isVerbose,
      paint: (text: string, part: keyof typeof paints) => paints[part](text),
    };
    const text = renderError(error, options);
    if (!isAppError(error) || !WRAPS_USER_ERROR.has(error.code) || !(error.cause instanceof Error))
      return text;
    const { cause } = error;
    return `${text}\n\n${isAppError(cause) ? renderError(cause, options) : (cause.stack ?? cause.message)}`;
  }
}

/** `isTTY` is missing where there is no terminal; picocolors would then decide by itself, and colour wherever `CI` is set. */
function isTerminal(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY ?? false;
}
