/**
 * `flow.schedule`: each schedule is an entry in its flow's `calls`, so it survives a restart; the loop owns one timer for each.
 */
import { Cron } from 'croner';
import { appError } from '../errors/index.ts';
import type { Flow } from '../component/flow.ts';
import type { ScheduleOptions } from '../component/flow-options.ts';
import { metaOf } from '../component/meta.ts';
import type { Clock, ClockTimer } from '../ports/clock.ts';
import type { Json, JsonObject } from '../state/json.ts';
import { escapeSegment } from '../state/pointer.ts';
import { callHash } from './call-hash.ts';
import { below, type Recorder } from './recorder.ts';

/** Longest wait of one timer; a longer one is split, because 32-bit timers overflow after 24.8 days. */
const LONGEST_TIMER_MS = 86_400_000;

/** One entry below `calls.scheduling`. */
interface ScheduleEntry {
  name: string;
  cron_pattern: string;
  running: boolean;
  /** ISO time of the next firing; absent when there is none. */
  next?: string;
}

export class Schedules {
  readonly #clock: Clock;
  readonly #recorder: Recorder;
  readonly #fired: (fire: () => void) => void;
  readonly #timers = new Map<string, ClockTimer>();
  /** Entries that are true in this turn. */
  readonly #running = new Map<ScheduleEntry, string>();

  /** @param fired - hands a firing to the loop, which calls it back between two turns */
  constructor(clock: Clock, recorder: Recorder, fired: (fire: () => void) => void) {
    this.#clock = clock;
    this.#recorder = recorder;
    this.#fired = fired;
  }

  /**
   * @throws `FLOW_SCHEDULE_INVALID`
   */
  evaluate(flow: Flow, pattern: string, options: ScheduleOptions, site: string): boolean {
    const { calls, name } = metaOf(flow);
    const identity = options.key === undefined ? `${pattern}@${site}` : options.key;
    const key = `schedule:${callHash([identity])}`;
    const known = entriesOf(calls)?.[key] as ScheduleEntry | undefined;
    if (known) {
      if (known.running) this.#running.set(known, pathOf(flow, key));
      return known.running;
    }
    const cron = parseCron(pattern, name);
    const now = this.#clock.now();
    const startMs = startOf(options.startTime, pattern, name);
    const ahead = startMs !== null && startMs > now;
    const entry: ScheduleEntry = { name, cron_pattern: pattern, running: !ahead };
    // The pattern may match the start itself; croner looks for what comes after a time.
    const next = cron.nextRun(new Date(ahead ? startMs - 1 : now));
    if (next) entry.next = next.toISOString();
    this.#add(flow, key, entry);
    if (entry.running) this.#running.set(entry, pathOf(flow, key));
    this.#arm(flow, key, entry);
    return entry.running;
  }

  /** Sets the timers of a flow that was restored; a firing that was missed happens once, now. */
  restore(flow: Flow): void {
    const entries = entriesOf(metaOf(flow).calls) ?? {};
    for (const [key, entry] of Object.entries(entries))
      this.#arm(flow, key, entry as unknown as ScheduleEntry);
  }

  /** A turn ended unsuspended: what was true is false again. */
  reset(): void {
    for (const [entry, path] of this.#running) {
      entry.running = false;
      this.#recorder.op({ op: 'replace', path: `${path}/running`, value: false });
    }
    this.#running.clear();
  }

  /** Cancels the timers of a flow that left the tree. */
  forget(flow: Flow): void {
    const { calls } = metaOf(flow);
    for (const [key, entry] of Object.entries(entriesOf(calls) ?? {})) {
      this.#timers.get(pathOf(flow, key))?.cancel();
      this.#timers.delete(pathOf(flow, key));
      this.#running.delete(entry as unknown as ScheduleEntry);
    }
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #add(flow: Flow, key: string, entry: ScheduleEntry): void {
    const { calls, pointer } = metaOf(flow);
    if (!entriesOf(calls)) {
      calls['scheduling'] = {};
      this.#recorder.op(below(pointer, { op: 'add', path: '/calls/scheduling', value: {} }));
    }
    const entries = calls['scheduling'] as JsonObject;
    entries[key] = entry as unknown as Json;
    this.#recorder.op({
      op: 'add',
      path: pathOf(flow, key),
      value: { ...entry } as unknown as Json,
    });
  }

  #arm(flow: Flow, key: string, entry: ScheduleEntry): void {
    if (entry.next === undefined) return;
    const path = pathOf(flow, key);
    const waitMs = Math.max(0, Date.parse(entry.next) - this.#clock.now());
    this.#timers.get(path)?.cancel();
    const timer = this.#clock.after(Math.min(waitMs, LONGEST_TIMER_MS), () => {
      if (waitMs > LONGEST_TIMER_MS) this.#arm(flow, key, entry);
      else this.#fired(() => this.#fire(flow, key, entry));
    });
    this.#timers.set(path, timer);
  }

  #fire(flow: Flow, key: string, entry: ScheduleEntry): void {
    if (metaOf(flow).deleted) return;
    const path = pathOf(flow, key);
    const next = parseCron(entry.cron_pattern, entry.name).nextRun(new Date(this.#clock.now()));
    if (next) entry.next = next.toISOString();
    else delete entry.next;
    if (next) this.#recorder.op({ op: 'add', path: `${path}/next`, value: next.toISOString() });
    entry.running = true;
    this.#recorder.op({ op: 'replace', path: `${path}/running`, value: true });
    this.#arm(flow, key, entry);
  }
}

function entriesOf(calls: JsonObject): JsonObject | undefined {
  return calls['scheduling'] as JsonObject | undefined;
}

function pathOf(flow: Flow, key: string): string {
  return `${metaOf(flow).pointer}/calls/scheduling/${escapeSegment(key)}`;
}

/** `hourly` means `@hourly`; five fields, or six with seconds first. */
function parseCron(pattern: string, at: string): Cron {
  const text = /^[a-z]+$/i.test(pattern.trim()) ? `@${pattern.trim()}` : pattern;
  try {
    return new Cron(text);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw appError('FLOW_SCHEDULE_INVALID', { pattern, problem }, { cause, at });
  }
}

function startOf(
  startTime: ScheduleOptions['startTime'],
  pattern: string,
  at: string,
): number | null {
  if (startTime === undefined) return null;
  const ms = new Date(startTime).getTime();
  if (Number.isFinite(ms)) return ms;
  throw appError(
    'FLOW_SCHEDULE_INVALID',
    { pattern, problem: `startTime ${String(startTime)} is no date` },
    { at },
  );
}
