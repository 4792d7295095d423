/** How values, times and numbers are written. */
import type { Json } from '../../../runtime/state/json.ts';
import { childOf } from './pointer.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A length of time in its two largest units: `340 ms`, `12 s`, `3 m 04 s`, `2 h 05 m`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS)
    return `${Math.floor(ms / MINUTE_MS)} m ${two(Math.floor((ms % MINUTE_MS) / SECOND_MS))} s`;
  if (ms < DAY_MS)
    return `${Math.floor(ms / HOUR_MS)} h ${two(Math.floor((ms % HOUR_MS) / MINUTE_MS))} m`;
  return `${Math.floor(ms / DAY_MS)} d ${Math.floor((ms % DAY_MS) / HOUR_MS)} h`;
}

/** Time of day with milliseconds: `14:03:07.120`. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map(
    two,
  );
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** Date and time of day to the second. */
export function moment(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${timeOfDay(at).slice(0, 8)}`;
}

export function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 work`, `2 works`. */
export function plural(n: number, word: string): string {
  return `${count(n)} ${n === 1 ? word : `${word}s`}`;
}

/** A hint, which is told after something else, as a sentence of its own. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export type JsonType = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object';

export function typeOf(value: Json): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as JsonType;
}

/** Children of a value; 0 for what is no container. */
export function sizeOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Array.isArray(value) ? value.length : Object.keys(value).length;
}

/** A value in one line of at most about `limit` characters; large ones are not serialised whole. */
export function preview(value: Json, limit = 80): string {
  const text = write(value, limit);
  return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
}

function write(value: Json, room: number): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > room ? value.slice(0, room) : value);
  if (typeof value !== 'object' || value === null) return String(value);
  const keys = Array.isArray(value) ? null : Object.keys(value);
  const size = keys?.length ?? sizeOf(value);
  let text = keys === null ? '[' : '{';
  for (let index = 0; index < size; index += 1) {
    if (text.length > room) return `${text}…`;
    if (index > 0) text += ', ';
    const key = keys?.[index];
    if (key !== undefined) text += `${key}: `;
    text += write(childOf(value, key ?? String(index)) ?? null, room - text.length);
  }
  return text + (keys === null ? ']' : '}');
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
