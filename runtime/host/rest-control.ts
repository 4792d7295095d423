/** An app that has ended, as its clients see it: what is stored can be read, nothing runs. */
import { statusesOf, statusOf } from '../component/work-status.ts';
import type { AppControl, PatchResult } from '../loop/control.ts';
import { appError } from '../errors/index.ts';
import { appStages, type AppStage, type WorkSummary } from '../protocol/events.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import { cloneJson, type Json, type JsonObject } from '../state/json.ts';

/** The stage that a stored app was left in. */
export function stageOf({ document }: Pick<StoredApp, 'document'>): AppStage {
  const { stage } = (document['app_state'] ?? {}) as JsonObject;
  return appStages.find((each) => each === stage) ?? 'running';
}

/**
 * Serves a stored app read-only.
 *
 * @param start - asks for it to be run again
 * @param appState - what the host says of it now, at `/app_state`
 */
export function createRestControl(
  name: string,
  stored: StoredApp,
  start: () => void,
  appState: () => JsonObject = () => ({}),
): AppControl {
  const stage = stageOf(stored);
  const ended = (): Error => appError('FLOW_NOT_RUNNING', { method: 'this' });
  const nothing = (): void => undefined;
  return {
    name,
    stage,
    version: stored.version,
    document: () => ({
      ...stored.document,
      app_state: { ...(stored.document['app_state'] as JsonObject | undefined), ...appState() },
    }),
    patch: async (): Promise<PatchResult> => ({ ok: false, why: 'ended' }),
    perform: async () => {
      throw ended();
    },
    works: () => [...summaries('root', stored.document)],
    command: async () => {
      throw ended();
    },
    start: async () => start(),
    pause: async () => undefined,
    stop: async () => undefined,
    subscribe: () => nothing,
    commits: () => nothing,
  };
}

/** Works of a stored component, depth first. */
function* summaries(path: string, document: JsonObject): Iterable<WorkSummary> {
  for (const [key, work] of entriesOf(document['works'])) yield toSummary(`${path}.${key}`, work);
  for (const kind of ['flows', 'structures'])
    for (const [key, child] of entriesOf(document[kind])) yield* summaries(`${path}.${key}`, child);
}

function entriesOf(value: Json | undefined): [string, JsonObject][] {
  return Object.entries((value ?? {}) as Record<string, JsonObject>);
}

function toSummary(name: string, { vars, calls }: JsonObject): WorkSummary {
  const own = (vars ?? {}) as JsonObject;
  const ledger = (calls ?? {}) as JsonObject;
  const compute = own['_cloud_compute'] as JsonObject | undefined;
  return {
    name,
    class: '',
    status: statusOf(ledger),
    statuses: statusesOf(ledger),
    startedAt: null,
    hardware: typeof compute?.['name'] === 'string' ? compute['name'] : '',
    url: '',
    pid: null,
    calls: { waiting: 0, succeeded: 0 },
    vars: cloneJson(own),
  };
}
