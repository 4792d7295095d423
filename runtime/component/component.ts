import { guardPrototype } from '../state/tracked.ts';
import type { JsonObject } from '../state/json.ts';
import { createMeta, type ComponentKind } from './meta.ts';
import { componentDocument } from './document.ts';

/** What flows, works, Dict and List have in common: a place in the tree, a name, a state. */
export abstract class Component {
  constructor(kind: ComponentKind) {
    createMeta(this, kind);
  }

  /** This component's part of the state document, as a plain copy. */
  get state(): JsonObject {
    return componentDocument(this);
  }

  /** What `JSON.stringify` and `console.log` show: the state. */
  toJSON(): JsonObject {
    return componentDocument(this);
  }
}

guardPrototype(Component.prototype);
