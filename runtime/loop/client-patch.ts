/**
 * Patches of clients (the UI, the CLI): validated against the whole tree first, then applied, all or nothing.
 *
 * A client may change public fields of flows and works; changes of a work's fields are flow-side writes (overlay).
 */
import type { Component } from '../component/component.ts';
import { metaOf, type Registry } from '../component/meta.ts';
import type { Work } from '../component/work.ts';
import { applyOperation, refusalOf, type Outcome } from '../state/apply.ts';
import { cloneJson, copyJson, isContainer, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { formatPointer, getAt, parsePointer } from '../state/pointer.ts';
import type { Collector } from './collector.ts';
import { below, type Recorder } from './recorder.ts';
import type { WorkBook } from './work-book.ts';

/** Bytes that the copies of one patch may take together: a few that copy what they made would double it without end. */
const MAX_COPIED_BYTES = 16 * 1024 * 1024;
/** What a value takes beside its text, about. */
const VALUE_BYTES = 16;

/** Where an operation leads: a component, and the path in its fields. */
interface Place {
  readonly component: Component;
  readonly field: string;
  readonly path: string;
}

const REGISTRIES: Readonly<Record<string, readonly string[]>> = {
  flows: ['flow'],
  works: ['work'],
  structures: ['dict', 'list'],
} satisfies Record<Registry, readonly string[]>;

export interface PatchParts {
  readonly root: Component;
  readonly recorder: Recorder;
  readonly works: WorkBook;
  readonly collector: Collector;
}

/** Applies a client's patch; the outcomes end with the first refusal, and then nothing was applied. */
export function applyClientPatch(parts: PatchParts, ops: readonly Operation[]): Outcome[] {
  const outcomes: Outcome[] = [];
  const drafts = new Map<Component, JsonObject>();
  const moves: { component: Component; op: Operation }[] = [];
  const budget: CopyBudget = { bytes: MAX_COPIED_BYTES };
  for (const op of ops) {
    const planned = tryPlan(parts.root, op, drafts, budget);
    outcomes.push(planned.outcome);
    if (!planned.outcome.ok) return outcomes;
    if (planned.move) moves.push(planned.move);
  }
  for (const { component, op } of moves) perform(component, op, parts);
  return outcomes;
}

/** What is left for copies. */
interface CopyBudget {
  bytes: number;
}

interface Planned {
  readonly outcome: Outcome;
  readonly move?: { readonly component: Component; readonly op: Operation };
}

/** A pointer or value that is refused anywhere is refused here. */
function tryPlan(
  root: Component,
  op: Operation,
  drafts: Map<Component, JsonObject>,
  budget: CopyBudget,
): Planned {
  try {
    return plan(root, op, drafts, budget);
  } catch (error) {
    return { outcome: refusalOf(error) };
  }
}

function plan(
  root: Component,
  op: Operation,
  drafts: Map<Component, JsonObject>,
  budget: CopyBudget,
): Planned {
  const place = locate(root, op.path);
  if ('ok' in place) return { outcome: place };
  const source = 'from' in op ? locate(root, op.from) : place;
  if ('ok' in source) return { outcome: source };
  if (source.component !== place.component) {
    return { outcome: refused('forbidden', 'values cannot be moved between components') };
  }
  const { fields } = metaOf(place.component);
  const draft = drafts.get(place.component) ?? {};
  drafts.set(place.component, draft);
  for (const { field } of [place, source]) {
    const raw = fields?.raw(field);
    if (!Object.hasOwn(draft, field) && raw !== undefined) draft[field] = cloneJson(raw);
  }
  const own: Operation =
    'from' in op ? { ...op, path: place.path, from: source.path } : { ...op, path: place.path };
  if (removesRequired(place, source, own)) {
    return {
      outcome: refused(
        'forbidden',
        `${metaOf(place.component).name}.${place.field} cannot be removed`,
      ),
    };
  }
  const given = 'from' in own ? getAt(draft, parsePointer(own.from)) : undefined;
  checkDepth(own, 'value' in own ? own.value : given, place.field);
  if (own.op === 'copy') {
    budget.bytes -= sizeOf(given, budget.bytes);
    if (budget.bytes < 0)
      return {
        outcome: refused('forbidden', `it copies more than ${MAX_COPIED_BYTES} bytes`),
      };
  }
  const outcome = applyOperation({ doc: draft }, own);
  return outcome.ok && own.op !== 'test'
    ? { outcome, move: { component: place.component, op: own } }
    : { outcome };
}

/** @throws `STATE_TOO_DEEP` when the field would be deeper than one may be, and what else no field takes */
function checkDepth({ op, path }: Operation, value: Json | undefined, field: string): void {
  if (value === undefined) return;
  const above = op === 'test' ? 0 : parsePointer(path).length - 1;
  copyJson(value, above, () => ({ subject: field, at: undefined }));
}

/** About how many bytes a value takes; not counted on beyond a limit. */
function sizeOf(value: Json | undefined, limit: number): number {
  const rest = [value];
  let size = 0;
  while (rest.length > 0 && size <= limit) {
    const each = rest.pop();
    size += VALUE_BYTES + (typeof each === 'string' ? each.length : 0);
    if (!isContainer(each)) continue;
    for (const [key, item] of Object.entries(each)) {
      if (!Array.isArray(each)) size += key.length;
      rest.push(item);
    }
  }
  return size;
}

/** A declared field may be removed only when its class lets it be undefined. */
function removesRequired(place: Place, source: Place, op: Operation): boolean {
  const target = op.op === 'remove' ? place : op.op === 'move' ? source : null;
  if (!target || target.path !== formatPointer([target.field])) return false;
  return !metaOf(target.component).optionalFields.has(target.field);
}

function perform(
  component: Component,
  op: Operation,
  { recorder, works, collector }: PatchParts,
): void {
  const meta = metaOf(component);
  if (meta.kind !== 'work') {
    meta.fields?.apply([op]);
    recorder.op(below(`${meta.pointer}/vars`, op));
    return;
  }
  const state = works.of(component as Work<object>);
  for (const pointer of 'from' in op ? [op.path, op.from] : [op.path]) {
    state.replica.beforeWrite(parsePointer(pointer)[0] ?? '');
  }
  meta.fields?.apply([op]);
  collector.write(state, [op], toFieldWrites(op, meta.fields?.raw.bind(meta.fields)));
}

/** Overlays hold one field each, so a move or copy between fields becomes writes of whole fields. */
function toFieldWrites(op: Operation, read: ((field: string) => unknown) | undefined): Operation[] {
  if (!('from' in op)) return [op];
  const fields = new Set([parsePointer(op.path)[0] ?? '', parsePointer(op.from)[0] ?? '']);
  return [...fields].map((field): Operation => {
    const path = formatPointer([field]);
    const value = read?.(field);
    return value === undefined
      ? { op: 'remove', path }
      : { op: 'add', path, value: cloneJson(value as never) };
  });
}

function locate(root: Component, pointer: string): Place | (Outcome & { ok: false }) {
  const segments = parsePointer(pointer);
  let component = root;
  let index = 0;
  for (; index < segments.length && segments[index] !== 'vars'; index += 2) {
    const kinds = REGISTRIES[segments[index] ?? ''];
    if (!kinds) return refused('forbidden', `${pointer} is not a field that a client may change`);
    const child = metaOf(component).children.get(segments[index + 1] ?? '');
    if (!child || !kinds.includes(metaOf(child).kind))
      return refused('missing', `there is no component at ${pointer}`);
    component = child;
  }
  const field = segments[index + 1];
  if (field === undefined)
    return refused('forbidden', `${pointer} is not a field that a client may change`);
  const { fields, name, children } = metaOf(component);
  if (children.has(field)) return refused('forbidden', `${name}.${field} is a component`);
  if (field.startsWith('_')) return refused('forbidden', `${name}.${field} belongs to Stormkite`);
  if (fields?.has(field) !== true) return refused('missing', `${name} has no field ${field}`);
  return { component, field, path: formatPointer(segments.slice(index + 1)) };
}

function refused(problem: 'missing' | 'forbidden', message: string): Outcome & { ok: false } {
  return { ok: false, problem, message };
}
