/**
 * A client's copy of the state document: what the app has committed, turn by turn.
 *
 * R1 It is exactly the document of one version: turns are applied whole, in order, each once. A turn that is not the next one,
 *    or that does not apply, leaves the copy as it is and is told as `out-of-step`; the feed then asks for a whole document.
 * R2 Listeners hear of a new document after it is in place; what one of them throws does not keep others from hearing.
 */
import type { JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { patched, shared } from './share.ts';

/** One committed turn, as the stream tells it. */
export interface Turn {
  readonly version: number;
  readonly ops: readonly Operation[];
}

export type TurnOutcome = 'applied' | 'repeated' | { readonly problem: string };

export class Replica {
  #document: JsonObject | null = null;
  #version = -1;
  readonly #listeners = new Set<() => void>();

  /** The frozen document; `null` before the first. */
  get document(): JsonObject | null {
    return this.#document;
  }

  /** Version of the document; -1 before the first. */
  get version(): number {
    return this.#version;
  }

  /** Takes a whole document, of any version; parts that are as they were keep their identity. */
  load(version: number, state: JsonObject): void {
    const document = shared<JsonObject>(this.#document ?? undefined, state);
    this.#version = version;
    this.#become(document);
  }

  apply({ version, ops }: Turn): TurnOutcome {
    if (this.#document === null) return { problem: `turn ${version} came before any state` };
    if (version <= this.#version) return 'repeated';
    if (version !== this.#version + 1)
      return { problem: `turn ${version} came after turn ${this.#version}` };
    const result = patched(this.#document, ops);
    if ('failed' in result)
      return {
        problem: `turn ${version} does not apply at ${result.op.path}: ${result.failed.message}`,
      };
    this.#version = version;
    this.#become(result.doc);
    return 'applied';
  }

  /** Hears of every new version. */
  listen(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #become(document: JsonObject): void {
    this.#document = document;
    for (const listener of this.#listeners) callSafely(listener);
  }
}

/** What a listener throws is the page's own error: it surfaces as uncaught, as from an event listener. */
export function callSafely(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
