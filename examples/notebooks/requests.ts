/**
 * What people ask the manager for. The list is written by clients, so nothing about it is taken on trust: an entry that
 * makes no sense is dropped, one that cannot be done says why in `problem`, and neither ends the app.
 */
export interface JupyterConfigRequest {
  readonly username: string;
  readonly useGpu: boolean;
  /** Set by whoever wants the notebook to end. */
  readonly stop: boolean;
  /** What opens the notebook; `null` while it cannot be opened. Set by the manager. */
  readonly token: string | null;
  /** Missing: the manager has not seen the request yet. */
  readonly ready?: boolean;
  /** Why there is no notebook. To try again, put a new request in this one's place. */
  readonly problem?: string;
}

/** Also names a folder and a path, so nothing that a file system or a browser could take for something else. */
const USERNAME = /^[a-z][a-z0-9_-]{0,31}$/;
/** No key of a Dict may be called so. */
const RESERVED = new Set(['constructor', 'prototype', 'then']);
const SHOWN_CHARS = 40;

/** `null` for what is no request at all. */
export function parseRequest(value: unknown): JupyterConfigRequest | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { username, useGpu, stop, token, ready, problem } = value as Record<string, unknown>;
  if (typeof username !== 'string') return null;
  return {
    username,
    useGpu: useGpu === true,
    stop: stop === true,
    token: typeof token === 'string' ? token : null,
    ...(typeof ready === 'boolean' ? { ready } : {}),
    ...(typeof problem === 'string' ? { problem } : {}),
  };
}

/** Why nobody can have this name; `null` when it is fine. */
export function usernameProblem(username: string): string | null {
  if (USERNAME.test(username) && !RESERVED.has(username)) return null;
  const shown = JSON.stringify(username.slice(0, SHOWN_CHARS));
  return `${shown} cannot be a name: use 1 to 32 lower-case letters, digits, - and _, a letter first`;
}
