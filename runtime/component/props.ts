import { appError } from '../errors/index.ts';
import { BuildConfig } from '../hardware/build-config.ts';
import { CloudCompute } from '../hardware/cloud-compute.ts';
import {
  isForbiddenKey,
  MAX_DEPTH,
  toJsonCopy,
  type Json,
  type JsonObject,
} from '../state/json.ts';

/**
 * Copies what a constructor passed to `super`, so that later changes of the original do not matter.
 * `CloudCompute` and `BuildConfig` stay objects; `undefined` members are left out.
 *
 * @throws `STATE_NOT_JSON` for what JSON cannot hold
 */
export function toProps(given: object, subject: string): Readonly<Record<string, unknown>> {
  const props: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (isForbiddenKey(key)) {
      throw appError('STATE_KEY_FORBIDDEN', { subject: `${subject}.props`, key });
    }
    if (value !== undefined) props[key] = copyProp(value, `${subject}.props.${key}`);
  }
  return Object.freeze(props);
}

function copyProp(value: unknown, subject: string): unknown {
  if (isSelfSerialising(value)) return value;
  if (!holdsSelfSerialising(value, 0)) return toJsonCopy(value, subject, subject);
  if (Array.isArray(value))
    return value.map((item, index) => copyProp(item, `${subject}[${index}]`));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, copyProp(item, `${subject}.${key}`)]),
  );
}

/** Props as JSON, to travel with a component's definition. */
export function encodeProps(props: object): JsonObject {
  const json: JsonObject = {};
  for (const [key, value] of Object.entries(props)) json[key] = encodeProp(value);
  return json;
}

function encodeProp(value: unknown): Json {
  if (isSelfSerialising(value)) return value.toJSON();
  if (Array.isArray(value)) return value.map(encodeProp);
  return isPlainObject(value) ? encodeProps(value) : (value as Json);
}

/** Rebuilds what {@link encodeProps} wrote. */
export function decodeProps(json: Json | undefined): Record<string, unknown> | undefined {
  if (json === undefined || json === null || typeof json !== 'object') return undefined;
  return decodeObject(json);
}

function decodeObject(json: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, decodeProp(value)]));
}

function decodeProp(value: unknown): unknown {
  const own = CloudCompute.fromJSON(value) ?? BuildConfig.fromJSON(value);
  if (own !== undefined) return own;
  if (Array.isArray(value)) return value.map(decodeProp);
  return isPlainObject(value) ? decodeObject(value) : value;
}

function isSelfSerialising(value: unknown): value is CloudCompute | BuildConfig {
  return value instanceof CloudCompute || value instanceof BuildConfig;
}

/** Whether a plain value has such an object somewhere inside it. */
function holdsSelfSerialising(value: unknown, depth: number): value is object {
  if (isSelfSerialising(value)) return true;
  if (depth > MAX_DEPTH || !(Array.isArray(value) || isPlainObject(value))) return false;
  return Object.values(value).some((item) => holdsSelfSerialising(item, depth + 1));
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
