/**
 * The input of the Query protocols: a form whose names are paths, as `Filter.1.Value.2` or `Tags.member.1.Key`.
 *
 * It becomes an object; where all names are numbers, a list. Values stay text.
 */
export type QueryValue = string | QueryValue[] | { readonly [name: string]: QueryValue };

interface Branch {
  readonly [name: string]: Branch | string;
}

export function parseQuery(body: string): { readonly action: string; readonly input: QueryValue } {
  const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  let action = '';
  for (const [path, value] of new URLSearchParams(body)) {
    if (path === 'Action') action = value;
    else if (path !== 'Version') put(root, path.split('.'), value);
  }
  return { action, input: toValue(root as Branch) };
}

function put(root: Record<string, unknown>, path: readonly string[], value: string): void {
  let branch = root;
  for (const name of path.slice(0, -1)) {
    const next = (branch[name] ??= Object.create(null));
    // A path that is a value as well as a branch is nothing an SDK sends.
    if (typeof next !== 'object' || next === null) return;
    branch = next as Record<string, unknown>;
  }
  branch[path.at(-1) ?? ''] = value;
}

function toValue(branch: Branch | string): QueryValue {
  if (typeof branch === 'string') return branch;
  const { member } = branch;
  const names = Object.keys(branch);
  if (names.length === 1 && typeof member === 'object') return toValue(member);
  if (names.length > 0 && names.every((name) => /^\d+$/.test(name)))
    return names
      .toSorted((a, b) => Number(a) - Number(b))
      .map((name) => toValue(branch[name] ?? ''));
  return Object.fromEntries(names.map((name) => [name, toValue(branch[name] ?? '')]));
}
