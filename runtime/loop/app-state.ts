import { cloneJson, type Json, type JsonObject } from '../state/json.ts';
import { escapeSegment } from '../state/pointer.ts';
import type { Recorder } from './recorder.ts';

/** Key that the loop itself writes. */
export const STAGE = 'stage';

/** What the host says of the app beside its stage, at `/app_state`. */
export class AppState {
  readonly #recorder: Recorder;
  readonly #values: JsonObject = {};

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  get values(): Readonly<JsonObject> {
    return this.#values;
  }

  /** Takes over what an earlier run said. */
  restore(stored: Json | undefined): void {
    for (const [key, value] of Object.entries(Object(stored) as JsonObject))
      if (key !== STAGE) this.#values[key] = cloneJson(value);
  }

  set(key: string, value: Json): void {
    const op = Object.hasOwn(this.#values, key) ? 'replace' : 'add';
    this.#values[key] = cloneJson(value);
    this.#recorder.op({ op, path: `/app_state/${escapeSegment(key)}`, value: cloneJson(value) });
  }
}
