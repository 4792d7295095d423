import { pointerOf } from './pointer.ts';

/** What a 422 says about arguments, by the pointer of the argument. */
export function issuesOf(body: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  const { issues } = body;
  if (!Array.isArray(issues)) return problems;
  for (const issue of issues as unknown[]) {
    if (typeof issue !== 'object' || issue === null) continue;
    const { path, message } = issue as { path?: unknown; message?: unknown };
    const at = Array.isArray(path)
      ? pointerOf(path.map(String))
      : typeof path === 'string'
        ? path
        : '';
    if (typeof message === 'string') problems.set(at, message);
  }
  return problems;
}
