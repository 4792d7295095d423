import type { LogLine } from '../../ports/log-sink.ts';

/** Lines that a tail has told, and that those who listen would hear again. */
export class Repeats {
  readonly #left = new Map<string, number>();

  constructor(lines: readonly LogLine[]) {
    for (const line of lines) this.#left.set(keyOf(line), (this.#left.get(keyOf(line)) ?? 0) + 1);
  }

  take(line: LogLine): boolean {
    const left = this.#left.get(keyOf(line)) ?? 0;
    if (left > 0) this.#left.set(keyOf(line), left - 1);
    return left > 0;
  }
}

function keyOf({ source, at, line }: LogLine): string {
  return JSON.stringify([source, at, line]);
}
