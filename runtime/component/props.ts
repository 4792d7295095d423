import { BuildConfig } from '../hardware/build-config.ts';
import { CloudCompute } from '../hardware/cloud-compute.ts';
import { toJsonCopy, type Json, type JsonObject } from '../state/json.ts';

/**
 * Copies what a constructor passed to `super`, so that later changes of the original do not matter.
 * `CloudCompute` and `BuildConfig` stay objects; `undefined` members are left out.
 *
 * @throws `STATE_NOT_JSON` for what JSON cannot hold
 */
export function toProps(given: object, subject: string): Readonly<Record<string, unknown>> {
  const props: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    props[key] = isSelfSerialising(value)
      ? value
      : toJsonCopy(value, `${subject}.props.${key}`, `${subject}.props.${key}`);
  }
  return Object.freeze(props);
}

/** Props as JSON, to travel with a component's definition. */
export function encodeProps(props: Readonly<Record<string, unknown>>): JsonObject {
  const json: JsonObject = {};
  for (const [key, value] of Object.entries(props)) {
    json[key] = isSelfSerialising(value) ? value.toJSON() : (value as Json);
  }
  return json;
}

/** Rebuilds what {@link encodeProps} wrote. */
export function decodeProps(json: Json | undefined): Record<string, unknown> | undefined {
  if (json === undefined || json === null || typeof json !== 'object') return undefined;
  const props: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(json)) {
    props[key] = CloudCompute.fromJSON(value) ?? BuildConfig.fromJSON(value) ?? value;
  }
  return props;
}

function isSelfSerialising(value: unknown): value is CloudCompute | BuildConfig {
  return value instanceof CloudCompute || value instanceof BuildConfig;
}
