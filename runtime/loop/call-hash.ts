import { createHash } from 'node:crypto';
import { canonicalJson } from '../component/canonical-json.ts';
import type { Json } from '../state/json.ts';

const HEX_DIGITS = 32;
/** Hashes remembered per work: a flow repeats the same calls in every turn. */
const REMEMBERED = 4_096;

/** Identity of a call: SHA-256 of the canonical JSON of its arguments, order-sensitive, 32 hex digits. */
export function callHash(args: readonly Json[]): string {
  return hashText(canonicalJson(args as Json[]));
}

/** {@link callHash} that remembers the latest arguments, so that repeating a call costs no hashing. */
export class CallHasher {
  readonly #known = new Map<string, string>();

  hash(args: readonly Json[]): string {
    const text = canonicalJson(args as Json[]);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const hash = hashText(text);
    if (this.#known.size >= REMEMBERED) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(text, hash);
    return hash;
  }
}

function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HEX_DIGITS);
}
