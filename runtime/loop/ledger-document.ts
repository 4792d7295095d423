/**
 * Writing of a work's `calls` document: every change is made in place and told as an operation.
 *
 * A hash is never forgotten: compaction drops arguments and histories only.
 */
import { entryOf, ledgerOf, statusOf, type CallEntry } from '../component/work-status.ts';
import type { WorkStatus } from '../protocol/events.ts';
import { cloneJson, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';

/** Ended calls that keep their arguments and histories. */
const DETAILED_CALLS = 100;
/** Statuses kept per call: the newest. */
const STATUS_LIMIT = 50;

export interface LedgerHooks {
  /** Hears every change, with paths relative to the `calls` document. */
  record(op: Operation): void;
  /** Hears every status that becomes that of the work. */
  status?(status: WorkStatus): void;
}

export class LedgerDocument {
  readonly calls: JsonObject;
  readonly #hooks: LedgerHooks;
  /** Ended calls with arguments and histories, the newest last. */
  #detailed: string[] = [];

  constructor(calls: JsonObject, hooks: LedgerHooks) {
    this.calls = calls;
    this.#hooks = hooks;
    for (const hash of Object.keys(calls)) {
      const entry = entryOf(calls, hash);
      if (entry?.outcome !== undefined && entry.args !== undefined) this.#detailed.push(hash);
    }
  }

  /** Tells the status that the work has now. */
  tell(): void {
    this.#hooks.status?.(statusOf(this.calls));
  }

  /** The first waiting call comes into flight. */
  next(): void {
    const { queue } = ledgerOf(this.calls);
    const [hash] = queue ?? [];
    if (!queue || hash === undefined) return;
    queue.shift();
    this.#hooks.record({ op: 'remove', path: '/queue/0' });
    this.setLatest(hash);
    this.tell();
  }

  enqueue(hash: string): void {
    const ledger = ledgerOf(this.calls);
    if (!ledger.queue) this.set(['queue'], []);
    ledger.queue?.push(hash);
    this.#hooks.record({ op: 'add', path: '/queue/-', value: hash });
  }

  clearQueue(): void {
    if ((ledgerOf(this.calls).queue?.length ?? 0) > 0) this.set(['queue'], []);
  }

  setLatest(hash: string): void {
    if (ledgerOf(this.calls).latest_call_hash !== hash) this.set(['latest_call_hash'], hash);
  }

  number(key: 'num_successes' | 'num_timeouts', value: number): void {
    if ((ledgerOf(this.calls)[key] ?? 0) !== value) this.set([key], value);
  }

  outcome(hash: string, outcome: NonNullable<CallEntry['outcome']>): void {
    this.set([hash, 'outcome'], outcome);
  }

  addStatus(hash: string, status: WorkStatus): void {
    const entry = entryOf(this.calls, hash);
    if (!entry) return;
    entry.statuses.push(status);
    if (entry.statuses.length > STATUS_LIMIT) {
      this.set([hash, 'statuses'], entry.statuses.slice(-STATUS_LIMIT) as unknown as Json);
    } else {
      const path = `/${hash}/statuses/-`;
      this.#hooks.record({ op: 'add', path, value: { ...status } as unknown as Json });
    }
    if (hash === ledgerOf(this.calls).latest_call_hash) this.#hooks.status?.(status);
  }

  /** Ended calls beyond the newest {@link DETAILED_CALLS} keep their hash, outcome and last status. */
  compact(ended: string): void {
    const place = this.#detailed.indexOf(ended);
    if (place >= 0) this.#detailed.splice(place, 1);
    this.#detailed.push(ended);
    if (this.#detailed.length <= DETAILED_CALLS) return;
    const old = this.#detailed.slice(0, -DETAILED_CALLS);
    this.#detailed = this.#detailed.slice(-DETAILED_CALLS);
    for (const hash of old) {
      const entry = entryOf(this.calls, hash);
      if (entry?.outcome === undefined) continue;
      const { name, attempt, outcome, rearmed } = entry;
      const statuses = entry.statuses.slice(-1);
      this.put(hash, { name, attempt, statuses, outcome, ...(rearmed ? { rearmed } : {}) });
    }
  }

  put(hash: string, entry: CallEntry): void {
    this.set([hash], entry as unknown as Json);
  }

  set(path: readonly [string, ...string[]], value: Json): void {
    const [first, second] = path;
    const holder = second === undefined ? this.calls : (this.calls[first] as JsonObject);
    holder[second ?? first] = value;
    this.#hooks.record({ op: 'add', path: `/${path.join('/')}`, value: cloneJson(value) });
  }

  remove(path: readonly [string, string]): void {
    const holder = this.calls[path[0]] as JsonObject;
    if (!Object.hasOwn(holder, path[1])) return;
    delete holder[path[1]];
    this.#hooks.record({ op: 'remove', path: `/${path.join('/')}` });
  }
}
