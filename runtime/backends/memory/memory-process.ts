import { background, toWire } from '../../errors/index.ts';
import type { ExitReason, WorkFact } from '../../ports/launcher.ts';
import type { CallOutcome, Delta, WorkEvent } from '../../protocol/delta.ts';
import type { CallMessage, Downlink, FlowDeltaMessage } from '../../protocol/downlink.ts';
import type { WorkSpec } from '../../protocol/work-spec.ts';
import type { Operation } from '../../state/operation.ts';

/** What a work without a process does when it hears from the flow. */
export interface WorkProgram {
  /** The process was launched. */
  onLaunch(): void;
  onCall(call: CallMessage): void;
  onFlowDelta(message: FlowDeltaMessage): void;
  /** The work was asked to stop; resolves when it may go. */
  onStop(): Promise<void>;
}

interface Line {
  send(delta: Delta): Promise<void>;
  exited(fact: WorkFact): void;
}

/** A launched work: writes its deltas with the right epoch and sequence. */
export class MemoryProcess {
  readonly spec: WorkSpec;
  /** Calls that were received, in order. */
  readonly calls: CallMessage[] = [];
  readonly #line: Line;
  #program: WorkProgram | null = null;
  #seq: number;
  /** Calls that were taken, with the `seq` of their end; infinite until then. */
  readonly #taken = new Map<string, number>();
  #alive = true;

  constructor(spec: WorkSpec, line: Line) {
    this.spec = spec;
    this.#line = line;
    this.#seq = spec.seq;
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  /** Number of the last delta. */
  get seq(): number {
    return this.#seq;
  }

  /** The call under way, if any. */
  get current(): CallMessage | undefined {
    return this.calls.at(-1);
  }

  begin(program: WorkProgram): void {
    this.#program = program;
    program.onLaunch();
  }

  receive(message: Downlink): void {
    if (!this.#alive) return;
    if (message.type === 'call') {
      if (!this.#isNew(message)) return;
      this.calls.push(message);
      this.#program?.onCall(message);
    } else if (message.type === 'flowDelta') this.#program?.onFlowDelta(message);
    else background(this.stop(), `stopping ${this.spec.work}`);
  }

  /** Reports changes (paths such as `/vars/loss`) or an event. */
  report(ops: readonly Operation[], event?: WorkEvent): void {
    if (!this.#alive) return;
    this.#seq += 1;
    const { work, epoch } = this.spec;
    const delta: Delta = { work, epoch, seq: this.#seq, ops, ...(event ? { event } : {}) };
    background(this.#line.send(delta), `a delta of ${work}`);
  }

  /** The end record of the current call. */
  end(
    outcome: CallOutcome,
    details: { reason?: string; error?: unknown; handled?: boolean } = {},
  ): void {
    const { current } = this;
    if (!current) return;
    const { call, attempt } = current;
    const error = details.error === undefined ? {} : toErrorParts(details.error);
    const reason = details.reason === undefined ? {} : { reason: details.reason };
    const handled = details.handled === true ? { handled: true } : {};
    this.#taken.set(`${call}#${attempt}`, this.#seq + 1);
    this.report([], { type: 'end', call, attempt, outcome, ...reason, ...error, ...handled });
  }

  /** A repeated call is ignored, unless the flow makes it again after it saw its end. */
  #isNew({ call, attempt, mark }: CallMessage): boolean {
    const identity = `${call}#${attempt}`;
    const endedAt = this.#taken.get(identity);
    if (endedAt !== undefined && mark < endedAt) return false;
    this.#taken.set(identity, Number.POSITIVE_INFINITY);
    return true;
  }

  /** Asks the program to stop; exits when it lets go. */
  async stop(): Promise<void> {
    if (!this.#alive) return;
    await this.#program?.onStop();
    this.exit('stopped', 'stopped as asked');
  }

  /** The process is gone. */
  exit(reason: ExitReason, message: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    const { work, epoch } = this.spec;
    this.#line.exited({ work, epoch, pid: null, state: 'exited', reason, message });
  }

  fact(): WorkFact {
    const { work, epoch } = this.spec;
    return { work, epoch, pid: null, state: 'running' };
  }
}

function toErrorParts(error: unknown): { error: ReturnType<typeof toWire>; message: string } {
  const wire = toWire(error);
  return { error: wire, message: wire.stack ?? wire.message };
}
