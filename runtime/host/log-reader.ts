/** Reading log files: the last lines, from the end. */
import { close, read } from 'node:fs';
import { promisify } from 'node:util';
import type { LogLine } from '../ports/log-sink.ts';

const readDescriptor = promisify(read);
const closeDescriptor = promisify(close);

const CHUNK_BYTES = 64 * 1024;
const LINE_END = 0x0a;
const LINE = /^(\S+) (stdout|stderr) (.*)$/s;

/** Files of one source, held open at the size that they had; the oldest first. */
export interface OpenLog {
  readonly source: string;
  readonly parts: readonly { readonly descriptor: number; readonly size: number }[];
}

/** One line as it stands in a file: `ISO-time stream line`. */
export function formatLogLine({ at, stream, line }: LogLine): string {
  return `${new Date(at).toISOString()} ${stream} ${line}\n`;
}

/** Reads what {@link formatLogLine} wrote; `null` for anything else, such as the half of a line that a crash left. */
export function parseLogLine(source: string, text: string): LogLine | null {
  const [, time, stream, line] = LINE.exec(text) ?? [];
  const at = Date.parse(time ?? '');
  if (line === undefined || Number.isNaN(at)) return null;
  return { source, stream: stream === 'stderr' ? 'stderr' : 'stdout', at, line };
}

/** The last lines of several sources together, in the order of their times. Closes what it was given. */
export async function readTail(logs: readonly OpenLog[], lines: number): Promise<LogLine[]> {
  const found: LogLine[] = [];
  for (const log of logs) found.push(...(await readLog(log, lines)));
  // A stable sort: lines of one source keep their order.
  const merged = logs.length > 1 ? found.toSorted((a, b) => a.at - b.at) : found;
  return lines === 0 ? [] : merged.slice(-lines);
}

async function readLog({ source, parts }: OpenLog, lines: number): Promise<LogLine[]> {
  let found: LogLine[] = [];
  try {
    for (const { descriptor, size } of parts.toReversed()) {
      if (found.length >= lines) break;
      const texts = await lastLines(descriptor, size, lines - found.length);
      found = [...texts.flatMap((text) => parseLogLine(source, text) ?? []), ...found];
    }
  } finally {
    await Promise.all(parts.map(({ descriptor }) => closeDescriptor(descriptor)));
  }
  return found;
}

async function lastLines(descriptor: number, size: number, lines: number): Promise<string[]> {
  const chunks: Buffer[] = [];
  let start = size;
  let ends = 0;
  // One line end more than lines: the one before the first of them.
  while (start > 0 && ends <= lines) {
    const length = Math.min(CHUNK_BYTES, start);
    start -= length;
    const chunk = Buffer.alloc(length);
    await readDescriptor(descriptor, chunk, 0, length, start);
    for (const byte of chunk) if (byte === LINE_END) ends += 1;
    chunks.unshift(chunk);
  }
  const texts = Buffer.concat(chunks).toString('utf8').split('\n');
  if (texts.at(-1) === '') texts.pop();
  // A first line without its beginning was never among the last ones.
  return texts.slice(-lines);
}
