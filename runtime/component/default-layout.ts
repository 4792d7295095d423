import type { Component } from './component.ts';
import type { LayoutTab } from './flow-options.ts';
import { metaOf } from './meta.ts';

/** One tab per flow and work right below a component, through its structures. */
export function defaultLayoutOf(component: Component): LayoutTab[] {
  return tabsBelow(component, []);
}

function tabsBelow(component: Component, above: readonly string[]): LayoutTab[] {
  return [...metaOf(component).children].flatMap(([key, child]): LayoutTab[] => {
    const names = [...above, key];
    const { kind } = metaOf(child);
    if (kind === 'dict' || kind === 'list') return tabsBelow(child, names);
    return [{ name: names.join(TAB_SEPARATOR), content: child }];
  });
}

/** Between the names of a tab and of what it contains. */
export const TAB_SEPARATOR = ' / ';
