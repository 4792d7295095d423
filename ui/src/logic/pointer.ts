/** JSON Pointers (RFC 6901) of what the app has told; those are well formed. */
import type { Json } from '../../../runtime/state/json.ts';

export function segmentsOf(pointer: string): string[] {
  if (pointer === '') return [];
  return pointer
    .slice(1)
    .split('/')
    .map((each) => each.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export function pointerOf(segments: readonly string[]): string {
  return segments.map((each) => `/${escape(each)}`).join('');
}

/** The pointer of a child. */
export function below(pointer: string, key: string): string {
  return `${pointer}/${escape(key)}`;
}

/** The pointer right above; `''` for the document itself. */
export function above(pointer: string): string {
  return pointer.slice(0, Math.max(0, pointer.lastIndexOf('/')));
}

/** The pointer and all those above it, the document first. */
export function pathTo(pointer: string): string[] {
  const path = [''];
  for (const segment of segmentsOf(pointer)) path.push(below(path.at(-1) ?? '', segment));
  return path;
}

export function childOf(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) return Object.hasOwn(value, key) ? value[key] : undefined;
  return /^(0|[1-9]\d*)$/.test(key) ? value[Number(key)] : undefined;
}

export function valueAt(doc: Json | undefined, pointer: string): Json | undefined {
  let value = doc;
  for (const segment of segmentsOf(pointer)) value = childOf(value, segment);
  return value;
}

function escape(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}
