/**
 * Which posts a `seq` stands for: several posts become one delta, and numbers that an older process of the work used are nobody's.
 *
 * Answers never say too much: a post that is not known to be covered counts as not applied, and then its places are left out of a
 * fold, as any change that the flow has not seen. The latest {@link EXACT} are always exact, so the end of the call before, which
 * decides whether a call is a repeat, is never in doubt.
 */

/** Latest deltas of which everything is known; beyond twice as many, every other older one is forgotten. */
const EXACT = 8_192;

interface Mark {
  readonly seq: number;
  readonly posts: number;
}

export class PostMarks {
  #marks: Mark[] = [];

  /** A delta is in the table; `posts` have come so far, with it. */
  note(seq: number, posts: number): void {
    this.#marks.push({ seq, posts });
    if (this.#marks.length <= 4 * EXACT) return;
    const old = this.#marks.length - EXACT;
    this.#marks = this.#marks.filter((_mark, index) => index >= old || index % 2 === 0);
  }

  /** How many posts at least the deltas up to this `seq` have. */
  upTo(seq: number): number {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#marks[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return this.#marks[low - 1]?.posts ?? 0;
  }
}
