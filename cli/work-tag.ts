import type pc from 'picocolors';

type Colours = ReturnType<typeof pc.createColors>;

const PALETTE = ['cyan', 'green', 'magenta', 'yellow', 'blue'] as const;

/** `[root.train]` in a colour that a work keeps. */
export function workTag(work: string, colours: Colours): string {
  let sum = 0;
  for (const letter of work) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
  return colours[PALETTE[sum % PALETTE.length] ?? 'cyan'](`[${work}]`);
}
