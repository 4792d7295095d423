import { isAppError } from './app-error.ts';

/** Colours one part of a rendered error; the identity when colours are off. */
export type Paint = (text: string, part: 'mark' | 'code' | 'label') => string;

const plain: Paint = (text) => text;

/**
 * Renders an error for a terminal: code, message, where, hint, docs.
 *
 * The stack is shown for bugs and foreign errors, and for ours when `verbose` is set.
 */
export function renderError(
  error: unknown,
  options: { verbose?: boolean; paint?: Paint } = {},
): string {
  const paint = options.paint ?? plain;
  if (!isAppError(error)) {
    const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    return `${paint('✘', 'mark')} ${text}`;
  }
  const lines = [`${paint('✘', 'mark')} ${paint(error.code, 'code')}  ${error.message}`];
  const row = (label: string, text: string): void => {
    lines.push(`  ${paint(label.padEnd(5), 'label')} ${text}`);
  };
  if (error.at !== undefined) row('at', error.at);
  const line = error.kind === 'user' ? userLineOf(error) : undefined;
  if (line !== undefined) row('line', line);
  if (error.hint !== undefined) row('hint', error.hint);
  if (error.cause instanceof Error && error.kind !== 'user') row('cause', error.cause.message);
  row('docs', `errors.md#${error.code.toLowerCase()}`);
  if ((options.verbose === true || error.kind === 'bug') && error.stack !== undefined)
    lines.push(error.stack);
  return lines.join('\n');
}

/** Folders of this package: frames in them are not the user's. */
const OWN = new URL('../../', import.meta.url).pathname;
const OWN_CODE = ['runtime/', 'cli/'].map((folder) => OWN + folder);
/** Packages, wherever they are installed. */
const PACKAGES = /[\\/]node_modules[\\/]/;
const FRAME = /(?:\(|at )(?:file:\/\/)?(\/[^()]*?):(\d+):(\d+)\)?$/;

/** Where user code caused an error: in its own stack, or in that of its innermost cause that tells. */
function userLineOf(error: Error): string | undefined {
  const below = error.cause instanceof Error ? userLineOf(error.cause) : undefined;
  return below ?? userLine(error);
}

/** File, line and column of the user's code that caused an error, as far as its stack tells. */
function userLine({ stack = '' }: Error): string | undefined {
  for (const line of stack.split('\n')) {
    const [, file, row, column] = FRAME.exec(line.trim()) ?? [];
    if (file === undefined || PACKAGES.test(file)) continue;
    if (!OWN_CODE.some((folder) => file.startsWith(folder))) return `${file}:${row}:${column}`;
  }
  return undefined;
}
