import { background } from '../../../errors/index.ts';
import type { ClockTimer } from '../../../ports/clock.ts';
import type { EmulatorParts } from './emulator-parts.ts';
import { writeStored, type Stored } from './persistence.ts';

/** Milliseconds after which changes are in the directory: what a killed emulator may have lost. */
const SAVE_MS = 5_000;

/** Writes what is to be kept, from time to time and at the end. */
export class StateKeeper {
  readonly #directory: string;
  readonly #parts: EmulatorParts;
  #saved = '';
  #timer: ClockTimer | null = null;
  #saving: Promise<void> = Promise.resolve();

  constructor(directory: string, parts: EmulatorParts) {
    this.#directory = directory;
    this.#parts = parts;
  }

  open(): void {
    this.#timer = this.#parts.context.clock.after(SAVE_MS, () => {
      this.#saving = this.#save();
      background(
        this.#saving.then(() => this.open()),
        'saving the emulator',
      );
    });
  }

  async close(): Promise<void> {
    await this.#saving;
    this.#timer?.cancel();
    await this.#save();
  }

  async #save(): Promise<void> {
    const { context, definitions, parameters } = this.#parts;
    const stored: Stored = {
      billing: context.billing.records,
      taskDefinitions: definitions.all,
      ...parameters.all,
    };
    const text = JSON.stringify(stored);
    // While something runs, the time of the latest writing is where its bill ends if this process is killed.
    const isRunning = stored.billing.some(({ endedAt }) => endedAt === null);
    if (text === this.#saved && !isRunning) return;
    await writeStored(this.#directory, stored, context.clock.now());
    this.#saved = text;
  }
}
