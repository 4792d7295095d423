/** What is seen of an app, made comparable. */
import type { AppEvent } from '../../runtime/protocol/events.ts';
import type { Json, JsonObject } from '../../runtime/state/json.ts';
import type { Case } from './cases.ts';

export interface Observed {
  readonly exit: number | null;
  readonly events: readonly AppEvent[];
  /** Lines of works, by full name. */
  readonly printed: Readonly<Record<string, readonly string[]>>;
  readonly document: JsonObject;
}

type Compared = Pick<Case, 'exit' | 'message' | 'error' | 'printed' | 'stages' | 'vars'>;

/** As much of what was seen as the case speaks of. */
export function compared(seen: Observed, wanted: Case): Compared {
  const end = seen.events.findLast((event) => event.type === 'stage');
  const error = seen.events.find((event) => event.type === 'error');
  return {
    exit: seen.exit,
    ...(wanted.message === undefined ? {} : { message: end?.message ?? '' }),
    ...(wanted.error === undefined ? {} : { error: error?.error.code ?? '' }),
    ...(wanted.printed === undefined
      ? {}
      : { printed: pick(wanted.printed, (work) => seen.printed[work] ?? []) }),
    ...(wanted.stages === undefined
      ? {}
      : { stages: pick(wanted.stages, (work) => stagesOf(seen.events, work)) }),
    ...(wanted.vars === undefined
      ? {}
      : {
          vars: pick(wanted.vars, (name, fields) => {
            const vars = varsOf(seen.document, name);
            return pick(fields, (field) => vars[field] ?? null);
          }),
        }),
  } as Compared;
}

/** What the case speaks of. */
export function expected({ exit, message, error, printed, stages, vars }: Case): Compared {
  return {
    exit,
    ...(message === undefined ? {} : { message }),
    ...(error === undefined ? {} : { error }),
    ...(printed === undefined ? {} : { printed }),
    ...(stages === undefined ? {} : { stages }),
    ...(vars === undefined ? {} : { vars }),
  };
}

function pick<T, U>(
  like: Readonly<Record<string, T>>,
  get: (key: string, value: T) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(like).map(([key, value]) => [key, get(key, value)]));
}

/** Stages of a work in their order; how it waited is the backend's own. */
function stagesOf(events: readonly AppEvent[], work: string): string {
  const stages = events.flatMap((event) => {
    if (event.type !== 'status' || event.work !== work) return [];
    const { stage, reason = '' } = event.status;
    // Whether a process is up before its first call is a matter of time.
    if (stage === 'started') return [];
    return [stage === 'pending' || reason === '' ? stage : `${stage}:${reason}`];
  });
  return stages.filter((stage, index) => stage !== stages[index - 1]).join(' ');
}

function varsOf(document: JsonObject, name: string): JsonObject {
  let node: JsonObject = document;
  for (const part of name.split('.').slice(1)) {
    const kinds = ['flows', 'works', 'structures'].map((kind) => (node[kind] ?? {}) as JsonObject);
    node = (kinds.find((members) => part in members)?.[part] ?? {}) as JsonObject;
  }
  return (node['vars'] ?? {}) as Record<string, Json>;
}
