/**
 * What was written through `app.state`, on its way to the app.
 *
 * W1 Writes of one synchronous stretch of code are one patch: all of them apply, or none.
 * W2 Patches go one after the other, in the order of the writes.
 * W3 A writer sees its own writes: until a patch is answered, and the answer has reached the replica, `document` shows the
 *    fields as they were written; then, or when it is refused, what the app has.
 * W4 A patch is sent once. When its answer is lost nobody knows whether it applied, so it is not repeated.
 * W5 After a failure, what was written meanwhile to the same fields is dropped: it was based on what never came to be.
 * W6 No failure is lost: it goes to those who wait in `settled()`, to `onError`, or, when nobody listens, is uncaught.
 */
import { appError, background } from '../errors/index.ts';
import type { Json, JsonObject } from '../state/json.ts';
import type { Operation } from '../state/operation.ts';
import { callSafely, type Replica } from './replica.ts';
import { patched, valueAt } from './share.ts';

export interface WritesOptions {
  /** Sends a patch; resolves with its version when it is committed. */
  readonly send: (ops: readonly Operation[]) => Promise<number>;
  /** Resolves when the replica has reached a version, or never will. */
  readonly reached: (version: number) => Promise<void>;
  /** Hears of every failure. @default - failures that nobody waits for are uncaught */
  readonly onError: ((error: Error) => void) | undefined;
}

/** One patch. */
class Batch {
  readonly ops: Operation[] = [];
  /** Pointers of the fields that it writes. */
  readonly fields = new Set<string>();
  /** Items of lists that this patch already compares (see {@link Writes.guard}). */
  readonly guards = new Set<string>();
  readonly done: Promise<void>;
  isAwaited = false;
  resolve: () => void = () => undefined;
  reject: (error: Error) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever waits gets the rejection from its own promise; W6 is kept by `Writes`.
    this.done.catch(() => undefined);
  }
}

export class Writes {
  readonly #replica: Replica;
  readonly #options: WritesOptions;
  /** Being filled; not sent yet. */
  #next: Batch | null = null;
  /** Sent and not yet answered and shown, oldest first. */
  readonly #open = new Set<Batch>();
  /** Fields as they were written, with the patch that wrote them last. */
  readonly #fields = new Map<string, { readonly value: Json | undefined; readonly batch: Batch }>();
  #sending = false;
  #shown: { readonly base: JsonObject; readonly document: JsonObject } | null = null;

  constructor(replica: Replica, options: WritesOptions) {
    this.#replica = replica;
    this.#options = options;
  }

  /** The replica's document with what was written over it; `null` before the first state. */
  get document(): JsonObject | null {
    const base = this.#replica.document;
    if (base === null || this.#fields.size === 0) return base;
    if (this.#shown?.base === base) return this.#shown.document;
    let document = base;
    for (const [pointer, { value }] of this.#fields) {
      const op: Operation =
        value === undefined ? { op: 'remove', path: pointer } : { op: 'add', path: pointer, value };
      const result = patched(document, [op]);
      // A component that is gone takes its fields with it.
      if ('doc' in result) document = result.doc;
    }
    this.#shown = { base, document };
    return document;
  }

  /**
   * Writes to one field.
   *
   * @param field - the pointer of the field that the operations are in
   * @throws what applying refuses: an operation that fits what `document` shows does not
   */
  write(field: string, ops: readonly Operation[]): void {
    const before = this.document;
    const base = this.#replica.document;
    if (before === null || base === null) throw appError('CLIENT_NOT_READY', { what: field });
    const result = patched(before, ops);
    if ('failed' in result)
      throw appError('STATE_PATCH_INVALID', { problem: result.failed.message });
    const batch = this.#batch();
    for (const op of ops) this.#add(batch, op);
    batch.fields.add(field);
    this.#fields.set(field, { value: valueAt(result.doc, field), batch });
    this.#shown = { base, document: result.doc };
  }

  /**
   * Makes the patch apply only if the item of a list is still what the writer saw: positions move when others add and remove.
   *
   * @param field - pointer of the field
   * @param item - pointer of the item
   */
  guard(field: string, item: string): void {
    const before = this.document;
    const value = before === null ? undefined : valueAt(before, item);
    if (value === undefined) return;
    const batch = this.#batch();
    if (batch.guards.has(item)) return;
    batch.guards.add(item);
    batch.fields.add(field);
    batch.ops.push({ op: 'test', path: item, value });
  }

  /** Resolves when everything written so far is committed and shown. @throws the first failure among it */
  async settled(): Promise<void> {
    const batches = [...this.#open, ...(this.#next === null ? [] : [this.#next])];
    for (const batch of batches) batch.isAwaited = true;
    await Promise.all(batches.map(({ done }) => done));
  }

  #batch(): Batch {
    if (this.#next !== null) return this.#next;
    this.#next = new Batch();
    queueMicrotask(() => {
      if (!this.#sending) background(this.#pump(), 'sending writes');
    });
    return this.#next;
  }

  #add(batch: Batch, op: Operation): void {
    const last = batch.ops.at(-1);
    const isSet = op.op === 'replace';
    if (isSet && last !== undefined && last.path === op.path && isAssignment(last)) {
      // A loop that assigns a field is one operation.
      batch.ops[batch.ops.length - 1] = { op: last.op, path: last.path, value: op.value };
      return;
    }
    batch.ops.push(op);
    // Positions have moved: what was compared is elsewhere.
    if (!isSet) batch.guards.clear();
  }

  async #pump(): Promise<void> {
    this.#sending = true;
    try {
      for (let batch = this.#take(); batch !== null; batch = this.#take()) await this.#send(batch);
    } finally {
      this.#sending = false;
    }
  }

  #take(): Batch | null {
    const batch = this.#next;
    this.#next = null;
    if (batch !== null) this.#open.add(batch);
    return batch;
  }

  async #send(batch: Batch): Promise<void> {
    try {
      const version = await this.#options.send(batch.ops);
      // The next patch need not wait until the replica shows this one.
      background(this.#finish(batch, version), 'showing a write');
    } catch (error) {
      const problem = error instanceof Error ? error : new Error(String(error), { cause: error });
      this.#fail(batch, problem);
      this.#dropDependent(batch, problem);
    }
  }

  async #finish(batch: Batch, version: number): Promise<void> {
    await this.#options.reached(version);
    this.#close(batch);
    batch.resolve();
  }

  #dropDependent(failed: Batch, cause: Error): void {
    const next = this.#next;
    const place = [...(next?.fields ?? [])].find((field) => failed.fields.has(field));
    if (next === null || place === undefined) return;
    this.#next = null;
    this.#fail(next, appError('CLIENT_WRITE_DROPPED', { place }, { cause }));
  }

  #fail(batch: Batch, error: Error): void {
    this.#close(batch);
    batch.reject(error);
    const { onError } = this.#options;
    if (onError) callSafely(() => onError(error));
    else if (!batch.isAwaited) background(Promise.reject(error), 'writing the state of an app');
  }

  /** The app's own value shows again, unless a later patch has written the field. */
  #close(batch: Batch): void {
    this.#open.delete(batch);
    for (const [field, written] of this.#fields)
      if (written.batch === batch) this.#fields.delete(field);
    this.#shown = null;
  }
}

/** Whether an operation puts a value somewhere, however often it is repeated. */
function isAssignment(op: Operation): op is Extract<Operation, { op: 'add' | 'replace' }> {
  return op.op === 'replace' || (op.op === 'add' && !op.path.endsWith('/-') && !isItem(op.path));
}

/** Whether a path may name an item of a list, where `add` inserts. */
function isItem(path: string): boolean {
  return /\/\d+$/.test(path);
}
