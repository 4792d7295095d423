/** Reading what an app sends; members that are not known are ignored, so that a newer app can be followed. */
import type { Json, JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import type { Turn } from './replica.ts';

/** `{ version, ops }`; `null` for anything else. Whether an operation applies is found out by applying it. */
export function parseTurn(data: unknown): Turn | null {
  if (!isJsonObject(data)) return null;
  const { version, ops } = data;
  if (typeof version !== 'number' || !Array.isArray(ops) || !ops.every(isOperation)) return null;
  return { version, ops: ops as unknown as Operation[] };
}

/** `{ version, state }`; `null` for anything else. */
export function parseSnapshot(
  data: unknown,
): { readonly version: number; readonly state: JsonObject } | null {
  if (!isJsonObject(data)) return null;
  const { version, state } = data;
  return typeof version === 'number' && isJsonObject(state) ? { version, state } : null;
}

/** Whether a value that `JSON.parse` gave is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOperation(value: Json): boolean {
  return (
    isJsonObject(value) &&
    typeof value['path'] === 'string' &&
    (value['op'] === 'remove' || 'value' in value || typeof value['from'] === 'string')
  );
}
