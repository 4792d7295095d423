import type { Component } from './component.ts';
import { setStructureMaker } from './adopt.ts';
import { Dict } from './dict.ts';
import { List } from './list.ts';

/** An array of components becomes a List, an object of components a Dict. */
setStructureMaker(
  (members) =>
    (Array.isArray(members)
      ? new List(members)
      : new Dict(members as Record<string, Component>)) as unknown as Component,
);

export { Dict, List };
