/**
 * What the loop knows of one work beside its fields: intents (durable), the process it sees (not durable), its ledger.
 */
import { metaOf } from '../component/meta.ts';
import type { Work } from '../component/work.ts';
import type { ClockTimer } from '../ports/clock.ts';
import type { WorkAddress, WorkFact } from '../ports/launcher.ts';
import type { WorkStatus } from '../protocol/events.ts';
import { cloneJson, type Json, type JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { pathsConflict } from '../state/pointer.ts';
import { CallHasher } from './call-hash.ts';
import { Ledger } from './ledger.ts';
import { below, type Recorder } from './recorder.ts';
import type { WorkView } from './reconcile.ts';
import { Replica, type StoredOverlay } from './replica.ts';

/** Prefix of the stored records of works. */
export const WORK_RECORD = 'work:';

const OWN_URL = '/vars/_url';

/** Identity of a call: its hash and attempt. */
export function identityOf(call: { readonly call: string; readonly attempt: number }): string {
  return `${call.call}#${call.attempt}`;
}

/** Whether a work should have a process: `none` until it is asked for, `stopped` until it is asked for again. */
export type Wanted = 'none' | 'up' | 'stopped';

/** The process of a work, as the launcher tells. */
export interface SeenProcess {
  readonly epoch: number;
  readonly pid: number | null;
  state: 'starting' | 'running' | 'stopping';
  /** It was asked to end, perhaps by an earlier flow: it takes no call. */
  readonly asked: boolean;
}

/** What is stored of a work beside its document. */
interface StoredWork {
  readonly wanted: Wanted;
  readonly epoch: number;
  /** The launch that said it is ready; a flow that comes back finds it so. */
  readonly ready?: number;
  readonly overlay?: StoredOverlay;
  readonly folded?: readonly Operation[];
  readonly keepHardware?: true;
  /** The latest launch whose end was taken in; a flow that comes back may hear of it again. */
  readonly gone?: number;
  /** The process of this launch must go, although the work is wanted. */
  readonly recycle?: true;
  /** The latest launch whose process was stopped. */
  readonly stopped?: number;
  /** The address of its own server, as its process said. */
  readonly ownUrl?: string;
}

export interface WorkStateOptions {
  readonly warn: (message: string) => void;
  readonly status: (work: string, status: WorkStatus) => void;
}

export class WorkState {
  readonly name: string;
  readonly hasher = new CallHasher();
  /** `null` once it was deleted while its process still ends. */
  work: Work<object> | null;
  ledger: Ledger;
  replica: Replica;
  wanted: Wanted = 'none';
  keepHardware = false;
  /** Hardware that was kept is wanted no longer. */
  release = false;
  /** Number of the latest launch (R1). */
  epoch = 0;
  /** The last `seq` that was applied. */
  mark = 0;
  /** The last `seq` that reached the inbox in order. */
  received = 0;
  seen: SeenProcess | null = null;
  /** When the process that is seen appeared, in epoch milliseconds. */
  seenSince: number | null = null;
  /** The latest launch whose process said that it is ready. */
  readyEpoch = 0;
  /** Where its machine is reached, when that is another one. */
  #address: WorkAddress | null = null;
  /** The address of its own server as its process sees it. */
  #ownUrl = '';
  /** The latest launch whose process is known to be gone. */
  goneEpoch = 0;
  /** The call (hash and attempt) that the current process was given. */
  given: string | null = null;
  /** The flow's writes that belong to the call in flight (`/vars/…`), until its process is known to have them. */
  folded: readonly Operation[] = [];
  /** The process must go although the work is wanted: its call timed out. */
  recycle = false;
  /** The latest launch whose process was stopped; it goes, also when the work is wanted again before it has. */
  stopEpoch = 0;
  /** An effect of this work is under way: `launch`, `send` or `stop`. */
  busy: 'launch' | 'send' | 'stop' | null = null;
  retryAtMs = 0;
  retryWaitMs = 0;
  retryTimer: ClockTimer | null = null;
  /** When the latest call was given, on the monotonic clock; paces re-runs. */
  lastSentMs = Number.NEGATIVE_INFINITY;
  callTimer: ClockTimer | null = null;
  idleTimer: ClockTimer | null = null;
  readonly #recorder: Recorder;
  readonly #options: WorkStateOptions;

  constructor(work: Work<object>, recorder: Recorder, options: WorkStateOptions) {
    this.name = metaOf(work).name;
    this.work = work;
    this.#recorder = recorder;
    this.#options = options;
    this.ledger = this.#createLedger(work);
    this.replica = this.#createReplica(work);
  }

  /** Takes over what was stored. */
  restore(stored: Json | undefined, mark: number): void {
    this.mark = mark;
    this.received = mark;
    if (stored === undefined || stored === null) return;
    const { wanted, epoch, ready, overlay, folded, keepHardware, gone, recycle, stopped, ownUrl } =
      stored as unknown as StoredWork;
    this.wanted = wanted;
    this.keepHardware = keepHardware === true;
    this.epoch = epoch;
    this.readyEpoch = ready ?? 0;
    this.folded = folded ?? [];
    this.goneEpoch = gone ?? 0;
    this.recycle = recycle === true;
    this.stopEpoch = stopped ?? 0;
    this.#ownUrl = ownUrl ?? '';
    if (this.work) {
      this.ledger = this.#createLedger(this.work);
      this.replica = this.#createReplica(this.work, overlay);
    }
  }

  /** Another work takes this name: the process of the old one, if any, belongs to an epoch that is over. */
  replaceWork(work: Work<object>): void {
    this.work = work;
    this.wanted = 'none';
    this.epoch += 1;
    this.given = null;
    this.folded = [];
    this.keepHardware = false;
    this.lastSentMs = Number.NEGATIVE_INFINITY;
    this.retryAtMs = 0;
    this.retryWaitMs = 0;
    this.clearTimers();
    this.ledger = this.#createLedger(work);
    this.replica = this.#createReplica(work);
  }

  /** Records the intents, to be committed with the turn. */
  store(): void {
    this.#recorder.meta(`${WORK_RECORD}${this.name}`, this.toStored());
  }

  toStored(): JsonObject {
    const overlay = this.replica.toStored();
    const stored: JsonObject = { wanted: this.wanted, epoch: this.epoch };
    if (this.readyEpoch > 0) stored['ready'] = this.readyEpoch;
    if (overlay) stored['overlay'] = overlay;
    if (this.keepHardware) stored['keepHardware'] = true;
    if (this.goneEpoch > 0) stored['gone'] = this.goneEpoch;
    if (this.recycle) stored['recycle'] = true;
    // One that is gone for good need not be told apart any more.
    if (this.stopEpoch > this.goneEpoch) stored['stopped'] = this.stopEpoch;
    if (this.#ownUrl !== '') stored['ownUrl'] = this.#ownUrl;
    if (this.folded.length > 0) stored['folded'] = cloneJson(this.folded as unknown as Json);
    return stored;
  }

  /** Whether the process that is seen said that it is ready. */
  get ready(): boolean {
    return this.seen !== null && this.readyEpoch === this.seen.epoch;
  }

  /** The process is up and `onStart` is done. */
  becomeReady(): void {
    this.readyEpoch = this.epoch;
    // It says so itself, which may be known before its launcher looked again.
    if (this.seen?.epoch === this.epoch && this.seen.state === 'starting')
      this.seen.state = 'running';
    this.store();
  }

  /** What the reconciler looks at, beside what only the loop knows. */
  view(): Omit<WorkView, 'allowed' | 'nowMs'> {
    const { active } = this.ledger;
    const call = active && identityOf({ call: active.hash, attempt: active.attempt });
    const { wanted, epoch, stopEpoch, seen, ready, recycle, busy, given, retryAtMs } = this;
    return { wanted, epoch, stopEpoch, seen, ready, recycle, busy, call, given, retryAtMs };
  }

  /** A call came into flight: it takes the flow's writes so far along; later ones stay in the overlay. */
  fold(): void {
    const ops = this.replica.fold();
    if (ops.length === 0) return;
    this.folded = [...this.folded, ...ops.map((op) => below('/vars', op))];
    this.store();
  }

  /** Ends the call in flight; the next one, if any, takes the flow's writes along. False when it is not in flight. */
  endCall(
    hash: string,
    attempt: number,
    outcome: 'succeeded' | 'failed' | 'stopped',
    status: WorkStatus,
  ): boolean {
    if (!this.ledger.end(hash, attempt, outcome, status)) return false;
    // A call that is made again has the same identity.
    this.given = null;
    if (this.ledger.active) this.fold();
    return true;
  }

  /** The process has what was folded: it was launched with it, or entered the call. */
  foldArrived(): void {
    if (this.folded.length === 0) return;
    this.folded = [];
    this.store();
  }

  /** The work wrote after the fold: its own writes win. */
  unfold(ops: readonly Operation[]): void {
    if (this.folded.length === 0) return;
    this.folded = this.folded.filter((own) => !ops.some((op) => pathsConflict(own.path, op.path)));
    this.store();
  }

  want(wanted: Wanted): void {
    if (this.wanted === wanted) return;
    this.wanted = wanted;
    // A stop keeps it for the next run only.
    if (wanted === 'up') this.keepHardware = false;
    this.store();
  }

  /** Its process, or the one that is being launched, must go, also when the work is wanted again. */
  stopProcess(): void {
    if (this.seen === null && this.busy !== 'launch') return;
    this.stopEpoch = this.epoch;
    this.store();
  }

  /** Its process must go, although the work is wanted. */
  recycleProcess(): void {
    this.recycle = true;
    this.store();
  }

  /** Records a change of the work's fields (paths relative to them). */
  recordVars(ops: readonly Operation[]): void {
    const { work } = this;
    if (!work) return;
    const { pointer } = metaOf(work);
    for (const op of ops) this.#recorder.op(below(`${pointer}/vars`, op));
  }

  /** Sets one of Stormkite's own variables. */
  setVar(name: string, value: Json): void {
    const fields = this.work && metaOf(this.work).fields;
    if (!fields || fields.raw(name) === value) return;
    fields.setRaw(name, value);
    this.recordVars([{ op: 'add', path: `/${name}`, value }]);
  }

  /** Its machine is known. */
  locate(address: WorkAddress): void {
    this.#address = address;
    this.setVar('_internal_ip', address.internalIp);
    this.setVar('_public_ip', address.publicIp);
    this.#tellUrl();
  }

  /** Takes the address that the process gives its own server out of its report: it holds on its machine only. */
  takeOwnUrl(ops: readonly Operation[]): readonly Operation[] {
    const own = ops.findLast((op) => op.path === OWN_URL && 'value' in op);
    if (own === undefined || !('value' in own) || typeof own.value !== 'string') return ops;
    this.#ownUrl = own.value;
    this.store();
    this.#tellUrl();
    return ops.filter((op) => op.path !== OWN_URL);
  }

  #tellUrl(): void {
    if (this.#ownUrl === '' || this.#address === null) return;
    const url = new URL(this.#ownUrl);
    const { internalIp, ports } = this.#address;
    const port = ports[Number(url.port)] ?? Number(url.port);
    this.setVar('_url', `${url.protocol}//${internalIp}:${port}`);
  }

  /** Without a process the work has no address. */
  clearAddresses(): void {
    this.#address = null;
    if (this.#ownUrl !== '') {
      this.#ownUrl = '';
      this.store();
    }
    for (const address of ['_url', '_internal_ip', '_public_ip']) this.setVar(address, '');
  }

  /** Takes what the launcher tells of a process that exists. One that said that it is ready does not start any more. */
  see({ epoch, pid, state: told, asked }: WorkFact & { readonly state: 'starting' | 'running' }) {
    const known = this.seen?.epoch === epoch ? this.seen : null;
    const state = this.readyEpoch === epoch ? 'running' : told;
    this.seen = {
      epoch,
      pid,
      state: known?.state === 'stopping' ? 'stopping' : state,
      asked: asked === true || known?.asked === true,
    };
  }

  /** Whether the process that is seen is to end, whoever asked for that. */
  get isEnding(): boolean {
    const { recycle, seen, stopEpoch } = this;
    if (recycle) return true;
    return seen !== null && (seen.state === 'stopping' || seen.asked || seen.epoch <= stopEpoch);
  }

  /** The process is gone. */
  forgetProcess(epoch: number): void {
    this.goneEpoch = Math.max(this.goneEpoch, epoch);
    this.seen = null;
    this.seenSince = null;
    this.given = null;
    this.recycle = false;
    this.clearTimers();
    this.store();
  }

  clearTimers(): void {
    for (const timer of [this.callTimer, this.idleTimer, this.retryTimer]) timer?.cancel();
    this.callTimer = null;
    this.idleTimer = null;
    this.retryTimer = null;
  }

  #createLedger(work: Work<object>): Ledger {
    const meta = metaOf(work);
    return new Ledger(meta.calls, {
      record: (op) => this.#recorder.op(below(`${meta.pointer}/calls`, op)),
      status: (status) => this.#options.status(this.name, status),
    });
  }

  #createReplica(work: Work<object>, overlay: StoredOverlay = {}): Replica {
    const { fields } = metaOf(work);
    if (!fields) throw new TypeError(`${this.name} has no fields`);
    return new Replica(fields, this.#options.warn, overlay);
  }
}
