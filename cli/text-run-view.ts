import type { AppControl, AppResult, RunOptions } from '../runtime/host/flow-main.ts';
import type { LogLine } from '../runtime/ports/log-sink.ts';
import type { AppEvent } from '../runtime/protocol/events.ts';
import type { Output } from './output.ts';
import { workTag } from './work-tag.ts';

export type RunHooks = Pick<
  RunOptions,
  'flowOutput' | 'onListening' | 'onLog' | 'onPrinted' | 'onEvent' | 'warn'
>;

/** How a run looks to a person: what the flow prints as it is, what works print with their names. */
export class TextRunView {
  readonly hooks: RunHooks;
  readonly #output: Output;

  constructor(output: Output, isDebug: boolean) {
    this.#output = output;
    this.hooks = {
      flowOutput: 'tee',
      onListening: ({ name, view }) =>
        output.line(`${output.colours.bold(name)} at ${output.colours.cyan(view)}`),
      onLog: (line) => this.#log(line),
      onPrinted: ({ stream, line }) =>
        stream === 'stderr' ? output.note(line) : output.line(line),
      warn: (message) => output.warn(message),
      ...(isDebug ? { onEvent: (event: AppEvent) => this.#detail(event) } : {}),
    };
  }

  /** Shows turns and statuses from now on. */
  follow(events: Pick<AppControl, 'subscribe'>): void {
    events.subscribe((event) => this.#detail(event));
  }

  ended({ stage, message, error }: AppResult): void {
    if (error !== undefined) this.#output.error(error);
    if (stage === 'interrupted' && !this.#output.unread.aborted)
      this.#output.note('stopped; go on with --resume');
    else if (message !== '' && stage === 'stopped') this.#output.line(message);
    else if (message !== '') this.#output.note(message);
  }

  #log({ source, stream, line }: LogLine): void {
    if (source === 'flow') this.#output.warn(line);
    else if (stream === 'stderr')
      this.#output.note(`${workTag(source, this.#output.colours)} ${line}`);
    else this.#output.line(`${workTag(source, this.#output.colours)} ${line}`);
  }

  #detail(event: AppEvent): void {
    if (event.type === 'turn') {
      const { turn, ms, suspended } = event;
      this.#output.detail(`turn ${turn}: ${ms.toFixed(1)} ms${suspended ? ', suspended' : ''}`);
    } else if (event.type === 'status') {
      const { stage, reason } = event.status;
      this.#output.detail(`${event.work}: ${stage}${reason === undefined ? '' : ` (${reason})`}`);
    } else if (event.type === 'stage') {
      this.#output.detail(`app: ${event.stage}`);
    }
  }
}
