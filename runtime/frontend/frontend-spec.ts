/**
 * Which frontend is which.
 *
 * User code makes a new object each time it is asked for its layout; two of them are the same frontend when they belong
 * to the same component and have equal options. So nothing is started anew because a layout was read again.
 */
import { createHash } from 'node:crypto';
import type { Frontend } from './frontend.ts';

/** Characters that an id takes of its owner's name. */
const MAX_NAME_CHARS = 64;
const HASH_DIGITS = 8;

export interface FrontendSpec {
  /** Fit for URLs and file names, and the same in every run of the app. */
  readonly id: string;
  /** Full name of the component whose layout has it. */
  readonly owner: string;
  readonly frontend: Frontend;
}

export function toFrontendSpec(owner: string, frontend: Frontend): FrontendSpec {
  const readable = owner.replaceAll(/[^A-Za-z0-9_-]+/g, '-').slice(0, MAX_NAME_CHARS);
  const hash = createHash('sha256').update(JSON.stringify([owner, optionsOf(frontend)]));
  return { id: `${readable}-${hash.digest('hex').slice(0, HASH_DIGITS)}`, owner, frontend };
}

/** Source of a frontend's log lines. */
export function logSourceOf(id: string): string {
  return `frontend:${id}`;
}

/** The options in one order, whatever order the user wrote them in. */
function optionsOf(frontend: Frontend): unknown {
  if (frontend.kind === 'static') return ['static', frontend.directory];
  const { command, cwd, env, stripPrefix } = frontend;
  const variables = Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return ['server', command, cwd, variables, stripPrefix];
}
