import { cloneJson, type Json, type JsonObject } from '../state/json.ts';
import type { Component } from './component.ts';
import { metaOf, registryOf, type ComponentMeta } from './meta.ts';
import { untrackedVars } from './untracked.ts';

/** A component's part of the state document, as a plain copy. */
export function componentDocument(component: Component): JsonObject {
  return cloneJson(liveDocument(component)) as JsonObject;
}

/**
 * A component's part of the state document over live values: to be serialised or copied at once.
 *
 * Flows have `vars calls flows works structures changes`, works `vars calls changes`, structures `works flows structures`.
 */
export function liveDocument(component: Component): JsonObject {
  const meta = metaOf(component);
  const vars: JsonObject = meta.fields?.document() ?? untrackedVars(component);
  if (meta.kind === 'work') return { vars, calls: meta.calls, changes: {} };
  const groups = childDocuments(meta);
  if (meta.kind === 'flow') return { vars, calls: meta.calls, ...groups, changes: {} };
  return groups;
}

function childDocuments(meta: ComponentMeta): JsonObject {
  const groups: Record<'flows' | 'works' | 'structures', Record<string, Json>> = {
    flows: {},
    works: {},
    structures: {},
  };
  for (const [key, child] of meta.children) {
    groups[registryOf(metaOf(child).kind)][key] = liveDocument(child);
  }
  return groups;
}
