import type { AppControl, AppResult } from '../runtime/host/flow-main.ts';
import type { AppEvent } from '../runtime/protocol/events.ts';
import type { Output } from './output.ts';
import type { RunHooks } from './text-run-view.ts';

/**
 * How a run looks to a program: one event per line.
 *
 * The first `stage` event's message is the app's URL; the last one's is what the flow said when it ended.
 */
export class JsonRunView {
  readonly hooks: RunHooks;
  readonly #output: Output;
  #url = '';
  #sawError = false;

  constructor(output: Output) {
    this.#output = output;
    this.hooks = {
      flowOutput: 'capture',
      onListening: ({ url }) => {
        this.#url = url;
      },
      onEvent: (event) => this.#event(event),
      warn: (message) =>
        output.event({
          type: 'log',
          at: Date.now(),
          source: 'flow',
          stream: 'stderr',
          line: `warning: ${message}`,
        }),
    };
  }

  /** Everything is shown anyway. */
  follow(_events: Pick<AppControl, 'subscribe'>): void {
    // Nothing to add.
  }

  ended({ stage, message, error }: AppResult): void {
    if (error !== undefined && !this.#sawError) this.#output.error(error);
    if (stage !== 'interrupted')
      this.#output.event({
        type: 'stage',
        at: Date.now(),
        stage,
        ...(message === '' ? {} : { message }),
      });
  }

  #event(event: AppEvent): void {
    if (event.type === 'error') this.#sawError = true;
    if (event.type !== 'stage') this.#output.event(event);
    else if (event.stage === 'running') this.#output.event({ ...event, message: this.#url });
    // The end comes with its message, when everything has ended.
    else if (event.stage !== 'stopped' && event.stage !== 'failed') this.#output.event(event);
  }
}
