import type { WorkSpec } from '../../protocol/work-spec.ts';
import type { LocalProcess } from './local-process.ts';

/** Keeps one booted process without a work, for the next launch that can use it. */
export class SpareProcess {
  readonly #start: () => void;
  #wanted = false;
  #current: LocalProcess | null = null;
  #starting = false;
  /** A spare died without a work: the next one waits until some work came up, so that a broken app does not loop. */
  #held = false;

  /** @param start - queues the boot of a spare, which is then given to {@link started} */
  constructor(start: () => void) {
    this.#start = start;
  }

  want(wanted: boolean): void {
    this.#wanted = wanted;
    if (wanted) this.fill();
    else this.end();
  }

  /** Starts a spare if one is wanted and there is none. */
  fill(): void {
    if (!this.#wanted || this.#held || this.#starting || this.#current !== null) return;
    this.#starting = true;
    this.#start();
  }

  started(process: LocalProcess): void {
    this.#starting = false;
    this.#current = process;
    if (!this.#wanted) this.end();
  }

  /** Hands the spare over to a work, if there is one. */
  take(spec: WorkSpec): LocalProcess | null {
    const process = this.#current;
    this.#current = null;
    process?.assign(spec);
    return process;
  }

  /** A work came up: the app is sound, and the processor is free. */
  workReady(): void {
    this.#held = false;
    this.fill();
  }

  exited(process: LocalProcess): void {
    if (this.#current !== process) return;
    this.#current = null;
    this.#held = true;
  }

  end(): void {
    const process = this.#current;
    this.#current = null;
    process?.kill('is not needed any more');
  }
}
