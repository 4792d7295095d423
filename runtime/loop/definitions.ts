import type { ComponentDefinition } from '../protocol/work-spec.ts';

/** The definitions that lead to a component, outermost first. */
export function definitionsTo(
  name: string,
  definitions: ReadonlyMap<string, ComponentDefinition>,
): ComponentDefinition[] {
  const found: ComponentDefinition[] = [];
  const keys = name.split('.');
  for (let length = 2; length <= keys.length; length += 1) {
    const definition = definitions.get(keys.slice(0, length).join('.'));
    if (definition) found.push(definition);
  }
  return found;
}
