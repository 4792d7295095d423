/**
 * The works that a state document holds.
 *
 * W1 A row depends on a work's `calls` only, and is the same object while they are: a thousand works whose fields change
 *    all the time cost one walk, and no row is drawn again.
 */
import type { WorkStage, WorkStatus } from '../../../runtime/protocol/events.ts';
import type { Json, JsonObject } from '../../../runtime/state/json.ts';
import { below, childOf } from './pointer.ts';

export interface WorkRow {
  /** Full name, such as `root.train`. */
  readonly name: string;
  /** Where its document is. */
  readonly pointer: string;
  readonly status: WorkStatus;
  /** Statuses of the call in flight, else of the latest one, oldest first. */
  readonly statuses: readonly WorkStatus[];
  readonly waiting: number;
  readonly succeeded: number;
  readonly timeouts: number;
}

const NOT_STARTED: WorkStatus = { stage: 'not_started', timestamp: 0 };
const GROUPS = ['flows', 'works', 'structures'] as const;

interface Known {
  readonly calls: Json | undefined;
  readonly row: WorkRow;
}

/** Remembers rows, so that a work whose calls are the same has the same row. */
export class WorkRows {
  #rows = new Map<string, Known>();
  #list: readonly WorkRow[] = [];

  /** Rows of a document in its order; the same array while no row changed. */
  of(doc: Json): readonly WorkRow[] {
    const rows = new Map<string, Known>();
    const list: WorkRow[] = [];
    let isSame = true;
    for (const { name, pointer, calls } of worksBelow(doc, 'root', '')) {
      const known = this.#rows.get(name);
      const entry =
        known !== undefined && known.calls === calls
          ? known
          : { calls, row: rowOf(name, pointer, calls) };
      rows.set(name, entry);
      isSame &&= this.#list[list.length] === entry.row;
      list.push(entry.row);
    }
    this.#rows = rows;
    if (!isSame || list.length !== this.#list.length) this.#list = list;
    return this.#list;
  }
}

function* worksBelow(
  component: Json | undefined,
  name: string,
  pointer: string,
): Generator<{ name: string; pointer: string; calls: Json | undefined }> {
  for (const group of GROUPS) {
    const children = childOf(component, group);
    if (typeof children !== 'object' || children === null) continue;
    for (const [key, child] of Object.entries(children)) {
      const at = below(`${pointer}/${group}`, key);
      const full = `${name}.${key}`;
      if (group === 'works') yield { name: full, pointer: at, calls: childOf(child, 'calls') };
      else yield* worksBelow(child, full, at);
    }
  }
}

function rowOf(name: string, pointer: string, calls: Json | undefined): WorkRow {
  const latest = childOf(calls, 'latest_call_hash');
  const statuses = statusesOf(typeof latest === 'string' ? childOf(calls, latest) : undefined);
  const queue = childOf(calls, 'queue');
  return {
    name,
    pointer,
    statuses,
    status: statuses.at(-1) ?? NOT_STARTED,
    waiting: Array.isArray(queue) ? queue.length : 0,
    succeeded: numberOf(childOf(calls, 'num_successes')),
    timeouts: numberOf(childOf(calls, 'num_timeouts')),
  };
}

function statusesOf(entry: Json | undefined): readonly WorkStatus[] {
  const statuses = childOf(entry, 'statuses');
  return Array.isArray(statuses) ? statuses.filter(isStatus) : [];
}

function isStatus(value: Json): value is JsonObject & WorkStatus {
  return (
    typeof childOf(value, 'stage') === 'string' && typeof childOf(value, 'timestamp') === 'number'
  );
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0;
}

/** Stages in the order in which a person wants to see them: what needs attention first. */
export const stageOrder: readonly WorkStage[] = [
  'failed',
  'running',
  'pending',
  'started',
  'succeeded',
  'stopped',
  'not_started',
];

export type WorkColumn = 'name' | 'status' | 'since' | 'hardware' | 'calls';

export interface WorkFilter {
  readonly text: string;
  readonly stage: WorkStage | null;
}

/** What the list shows of rows, in the order that it shows them. */
export function arrange(
  rows: readonly WorkRow[],
  { text, stage }: WorkFilter,
  sort: { readonly column: WorkColumn; readonly isDown: boolean } | null,
  hardwareOf: (name: string) => string,
): readonly WorkRow[] {
  const wanted = text.toLowerCase();
  const shown = rows.filter(
    (row) =>
      (stage === null || row.status.stage === stage) &&
      (wanted === '' ||
        row.name.toLowerCase().includes(wanted) ||
        hardwareOf(row.name).toLowerCase().includes(wanted)),
  );
  if (sort === null) return shown;
  const sign = sort.isDown ? -1 : 1;
  return shown.toSorted((a, b) => sign * compare(a, b, sort.column, hardwareOf));
}

function compare(
  a: WorkRow,
  b: WorkRow,
  column: WorkColumn,
  hardwareOf: (name: string) => string,
): number {
  switch (column) {
    case 'name':
      return a.name.localeCompare(b.name, 'en', { numeric: true });
    case 'status':
      return stageOrder.indexOf(a.status.stage) - stageOrder.indexOf(b.status.stage);
    case 'since':
      return a.status.timestamp - b.status.timestamp;
    case 'hardware':
      return hardwareOf(a.name).localeCompare(hardwareOf(b.name), 'en', { numeric: true });
    case 'calls':
      return a.succeeded + a.waiting - (b.succeeded + b.waiting);
  }
}

/** How many rows are in each stage. */
export function stageCounts(rows: readonly WorkRow[]): ReadonlyMap<WorkStage, number> {
  const counts = new Map<WorkStage, number>();
  for (const { status } of rows) counts.set(status.stage, (counts.get(status.stage) ?? 0) + 1);
  return counts;
}
