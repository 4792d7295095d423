/** Edits (insert, delete, replace) after which a word is no longer taken for a slip of the fingers. */
const MAX_EDITS = 3;

/** The word that was probably meant; `null` when none is near. */
export function suggest(given: string, words: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.min(MAX_EDITS, Math.max(1, Math.floor(given.length / 2))) + 1;
  for (const word of words) {
    const isNear = (word.startsWith(given) && given.length > 1) || hasSameLetters(given, word);
    const edits = isNear ? 1 : editsBetween(given, word);
    if (edits >= least) continue;
    best = word;
    least = edits;
  }
  return best;
}

/** Letters in another order, as fast fingers leave them. */
function hasSameLetters(a: string, b: string): boolean {
  return a.split('').toSorted().join('') === b.split('').toSorted().join('');
}

/** Levenshtein's distance. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split('').entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
