/**
 * Forms out of JSON Schemas, as `GET commands` tells them.
 *
 * F1 What a form cannot show exactly is edited as JSON: no schema leaves a command that cannot be called.
 * F2 The server validates; the form only turns text into values and says what it cannot turn.
 */
import type { Json, JsonObject } from '../../../runtime/state/json.ts';

export type Field = {
  readonly title: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly initial: Draft;
} & (
  | { readonly type: 'text' }
  | { readonly type: 'number'; readonly isWhole: boolean }
  | { readonly type: 'boolean' }
  | { readonly type: 'choice'; readonly choices: readonly Json[] }
  | { readonly type: 'group'; readonly fields: Readonly<Record<string, Field>> }
  | { readonly type: 'list'; readonly item: Field }
  | { readonly type: 'json' }
);

/** What is in a form: text of fields (also of numbers and JSON), groups and lists of those. */
export type Draft = string | boolean | readonly Draft[] | { readonly [key: string]: Draft };

/** Reads a schema; `null` for a command without arguments. */
export function fieldOf(schema: Json | undefined, title = '', isRequired = true): Field | null {
  if (!isObject(schema)) return null;
  return toField(schema, schema, title, isRequired, 0);
}

const MAX_DEPTH = 8;

function toField(
  given: JsonObject,
  root: JsonObject,
  title: string,
  isRequired: boolean,
  depth: number,
): Field {
  const schema = resolve(given, root);
  const base = {
    title: typeof schema['title'] === 'string' ? schema['title'] : title,
    description: typeof schema['description'] === 'string' ? schema['description'] : '',
    isRequired: isRequired && schema['default'] === undefined,
  };
  const initial = schema['default'];
  const choices = choicesOf(schema);
  if (choices !== null) {
    const first = initial ?? (isRequired ? choices[0] : undefined);
    const index = choices.findIndex((each) => JSON.stringify(each) === JSON.stringify(first));
    return { ...base, type: 'choice', choices, initial: index < 0 ? '' : String(index) };
  }
  const type = typeof schema['type'] === 'string' ? schema['type'] : '';
  switch (type) {
    case 'string':
      return { ...base, type: 'text', initial: typeof initial === 'string' ? initial : '' };
    case 'integer':
    case 'number': {
      const isWhole = type === 'integer';
      return {
        ...base,
        type: 'number',
        isWhole,
        initial: typeof initial === 'number' ? String(initial) : '',
      };
    }
    case 'boolean':
      // A box that nobody touched would say no.
      if (!isRequired && initial === undefined)
        return { ...base, type: 'choice', choices: [true, false], initial: '' };
      return { ...base, type: 'boolean', initial: initial === true };
    case 'array':
      if (!isObject(schema['items']) || initial !== undefined || depth >= MAX_DEPTH) break;
      return {
        ...base,
        type: 'list',
        item: toField(schema['items'], root, '', true, depth + 1),
        initial: [],
      };
    case 'object':
      if (isObject(schema['properties']) && initial === undefined && depth < MAX_DEPTH)
        return groupOf(schema, schema['properties'], root, base, depth);
      break;
    default:
  }
  const text = initial === undefined ? '' : JSON.stringify(initial, null, 2);
  return { ...base, type: 'json', initial: text };
}

function groupOf(
  schema: JsonObject,
  properties: JsonObject,
  root: JsonObject,
  base: Pick<Field, 'title' | 'description' | 'isRequired'>,
  depth: number,
): Field {
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const fields: Record<string, Field> = {};
  const initial: Record<string, Draft> = {};
  for (const [name, property] of Object.entries(properties)) {
    const given = isObject(property) ? property : {};
    const field = toField(given, root, name, required.includes(name), depth + 1);
    fields[name] = field;
    initial[name] = field.initial;
  }
  return { ...base, type: 'group', fields, initial };
}

function choicesOf(schema: JsonObject): Json[] | null {
  if (Array.isArray(schema['enum'])) return schema['enum'];
  if (schema['const'] !== undefined) return [schema['const']];
  const union = schema['anyOf'] ?? schema['oneOf'];
  if (!Array.isArray(union) || union.length === 0) return null;
  const constants: Json[] = [];
  for (const each of union) {
    const constant = isObject(each) ? each['const'] : undefined;
    if (constant === undefined) return null;
    constants.push(constant);
  }
  return constants;
}

function resolve(schema: JsonObject, root: JsonObject): JsonObject {
  const ref = schema['$ref'];
  if (typeof ref !== 'string' || !ref.startsWith('#/')) return schema;
  let target: Json | undefined = root;
  for (const key of ref.slice(2).split('/')) target = isObject(target) ? target[key] : undefined;
  return isObject(target) ? { ...target, ...schema } : schema;
}

export type Reading =
  | { readonly ok: true; readonly value: Json | undefined }
  | { readonly ok: false; readonly problems: ReadonlyMap<string, string> };

/** The value of a draft, or what is wrong where: by pointer below the form. */
export function readDraft(field: Field, draft: Draft): Reading {
  const problems = new Map<string, string>();
  const value = read(field, draft, '', problems);
  return problems.size > 0 ? { ok: false, problems } : { ok: true, value };
}

function read(
  field: Field,
  draft: Draft,
  at: string,
  problems: Map<string, string>,
): Json | undefined {
  const fail = (problem: string): undefined => void problems.set(at, problem);
  if ((field.type === 'group' || field.type === 'list') && !field.isRequired) {
    // Nobody touched it: what is required inside it is not asked for.
    if (JSON.stringify(draft) === JSON.stringify(field.initial)) return undefined;
  }
  const text = typeof draft === 'string' ? draft : '';
  switch (field.type) {
    case 'boolean':
      return draft === true;
    case 'text':
      return text === '' && !field.isRequired ? undefined : text;
    case 'number':
      if (text.trim() === '') return field.isRequired ? fail('A number is needed') : undefined;
      return (
        numberOf(text, field.isWhole) ?? fail(field.isWhole ? 'Not a whole number' : 'Not a number')
      );
    case 'choice':
      return text === '' && field.isRequired
        ? fail('Choose one')
        : field.choices[text === '' ? -1 : Number(text)];
    case 'json':
      if (text.trim() === '') return field.isRequired ? fail('A JSON value is needed') : undefined;
      return parseJson(text) ?? fail('Not JSON');
    case 'list':
      return (Array.isArray(draft) ? (draft as Draft[]) : []).map(
        (item, index) => read(field.item, item, `${at}/${index}`, problems) ?? null,
      );
    case 'group': {
      const value: JsonObject = {};
      for (const [name, each] of Object.entries(field.fields)) {
        const given = (draft as { readonly [key: string]: Draft })[name] ?? each.initial;
        const item = read(each, given, `${at}/${name}`, problems);
        if (item !== undefined) value[name] = item;
      }
      return value;
    }
  }
}

function numberOf(text: string, isWhole: boolean): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) && (!isWhole || Number.isInteger(value)) ? value : undefined;
}

/** `undefined` for what is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
