import { ArrayNode } from './array-node.ts';
import type { MakeNode } from './node.ts';
import { ObjectNode } from './object-node.ts';

/** Makes the node of an object or an array. */
export const makeNode: MakeNode = (raw, up, key) =>
  Array.isArray(raw)
    ? new ArrayNode(raw, up, key, makeNode)
    : new ObjectNode(raw, up, key, makeNode);
