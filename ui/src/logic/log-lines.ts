/** Finding things in lines of logs. */
import type { LogLine } from '../../../runtime/ports/log-sink.ts';

/** Escape sequences of terminals: colours and cursor movements. */
// oxlint-disable-next-line no-control-regex -- that is what they are made of
const SEQUENCES = /\u001B(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007]*(?:\u0007|\u001B\\))/g;

export function withoutColours(line: string): string {
  return line.includes('\u001B') ? line.replace(SEQUENCES, '') : line;
}

/** Lines that have some text, in any case; all of them for no text. */
export function filterLines<L extends LogLine>(
  lines: readonly L[],
  text: string,
  onlyErrors: boolean,
): readonly L[] {
  if (text === '' && !onlyErrors) return lines;
  const wanted = text.toLowerCase();
  return lines.filter(
    ({ line, stream }) =>
      (!onlyErrors || stream === 'stderr') &&
      (wanted === '' || withoutColours(line).toLowerCase().includes(wanted)),
  );
}

export interface Part {
  readonly text: string;
  readonly isHit: boolean;
}

/** A line in parts: those that were searched for, and those between them. */
export function splitHits(line: string, search: string): readonly Part[] {
  if (search === '') return [{ text: line, isHit: false }];
  const parts: Part[] = [];
  const lower = line.toLowerCase();
  const wanted = search.toLowerCase();
  // Some letters change their length in lower case: their places would not be the line's.
  if (lower.length !== line.length) return [{ text: line, isHit: false }];
  let from = 0;
  for (;;) {
    const at = lower.indexOf(wanted, from);
    if (at < 0) break;
    if (at > from) parts.push({ text: line.slice(from, at), isHit: false });
    parts.push({ text: line.slice(at, at + wanted.length), isHit: true });
    from = at + wanted.length;
  }
  if (from < line.length) parts.push({ text: line.slice(from), isHit: false });
  return parts;
}
