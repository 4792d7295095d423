/**
 * How the app ends: every work is stopped, then the stage is committed, then whoever waits is told.
 *
 * E1 The first reason stands; what comes later changes nothing.
 * E2 The app has ended when no process is left and everything is committed.
 * E3 An end that was asked for is stored with the stage `stopping`: a flow that comes back carries it out, and runs no turn.
 */
import { fromWire, toWire, type WireError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { AppStage } from '../protocol/events.ts';
import type { StoredApp } from '../protocol/turn-record.ts';
import type { Json, JsonObject } from '../state/json.ts';
import { reach } from './failpoints.ts';
import type { AppResult } from './loop-options.ts';
import type { Committer } from './committer.ts';
import type { Recorder } from './recorder.ts';
import type { Schedules } from './schedule.ts';
import type { EndSignal } from './suspension.ts';
import type { Teller } from './teller.ts';
import type { Waker } from './waker.ts';
import type { WorkBook } from './work-book.ts';

/** Key of the stored end that is under way. */
const ENDING_RECORD = 'ending';

/** An end as it is stored. */
interface StoredEnding {
  readonly stage: 'stopped' | 'failed';
  readonly message: string;
  readonly error?: WireError;
}

export interface EndingParts {
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly works: WorkBook;
  readonly schedules: Schedules;
  readonly committer: Committer;
  readonly waker: Waker;
  readonly teller: Teller;
}

export class Ending {
  /** Resolves when the app has ended, all its works have, and everything is committed. */
  readonly ended: Promise<AppResult>;
  readonly #parts: EndingParts;
  #resolve: (result: AppResult) => void = () => undefined;
  #asked: AppResult | null = null;
  #stage: AppStage = 'running';
  #interrupted = false;
  #paused = false;

  constructor(parts: EndingParts) {
    this.#parts = parts;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get stage(): AppStage {
    return this.#stage;
  }

  /** Whether the app was asked to end for good. */
  get isAsked(): boolean {
    return this.#asked !== null;
  }

  /** Whether the app is being interrupted: its calls stay open, to be sent again. */
  get isInterrupted(): boolean {
    return this.#interrupted;
  }

  /** No more turns. */
  get isUnderWay(): boolean {
    return this.#asked !== null || this.#interrupted;
  }

  by(signal: EndSignal): void {
    this.ask({ stage: signal.how === 'stop' ? 'stopped' : 'failed', message: signal.text });
  }

  fail(error: unknown): void {
    const { clock, teller } = this.#parts;
    if (!this.isUnderWay) teller.emit({ type: 'error', at: clock.now(), error: toWire(error) });
    this.ask({ stage: 'failed', message: '', error });
  }

  ask(result: AppResult): void {
    if (this.isUnderWay) return;
    const { clock, committer, schedules, waker, works } = this.#parts;
    reach('end.before');
    this.#asked = result;
    this.#parts.recorder.meta(ENDING_RECORD, toStored(result));
    this.#setStage('stopping', result.message);
    for (const state of works.all()) {
      if (!state.work) continue;
      state.ledger.stop(clock.now(), 'app_ended');
      state.want('stopped');
      works.touch(state);
    }
    waker.rest();
    schedules.close();
    committer.hurry();
    waker.wake();
  }

  /** What a snapshot keeps of an end that is under way. */
  toStored(): JsonObject {
    const asked = this.#stage === 'stopping' ? this.#asked : null;
    return asked === null ? {} : { [ENDING_RECORD]: toStored(asked) };
  }

  /** Goes on with the end that an earlier flow of the app was asked for, if it was (E3). */
  resume({ document, meta }: Pick<StoredApp, 'document' | 'meta'>): void {
    const { recorder } = this.#parts;
    const { stage } = (document['app_state'] ?? {}) as JsonObject;
    const stored = meta[ENDING_RECORD] as unknown as StoredEnding | undefined;
    if (stage === 'stopping') {
      const { error, ...result } = stored ?? { stage: 'stopped', message: '' };
      this.ask({ ...result, ...(error === undefined ? {} : { error: fromWire(error) }) });
    } else if (stored !== undefined) recorder.meta(ENDING_RECORD, null);
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#parts.waker.rest();
  }

  /** The stage that an interruption leaves. */
  pause(): void {
    this.#paused = true;
  }

  /** How the app ended, once no process is left; `null` before. */
  over(): AppResult | null {
    const asked = this.#asked;
    if (asked === null) return null;
    for (const { seen, busy } of this.#parts.works.all()) if (seen || busy !== null) return null;
    this.#parts.recorder.meta(ENDING_RECORD, null);
    if (asked.stage !== 'interrupted') this.#setStage(asked.stage, asked.message);
    return asked;
  }

  /** Commits the rest; then the app has ended. */
  finish(result: AppResult): void {
    const { committer, schedules, teller, waker, works } = this.#parts;
    for (const state of works.all()) state.clearTimers();
    waker.close();
    schedules.close();
    if (result.stage === 'interrupted' && this.#paused) this.#setStage('paused', '');
    teller.changes('flow');
    reach('end.after');
    committer.whenDurable(() => this.#resolve(result));
    committer.settle();
  }

  /** Nothing can be committed any more. */
  giveUp(result: AppResult): void {
    const { committer, schedules, waker, works } = this.#parts;
    committer.abandon();
    for (const state of works.all()) state.clearTimers();
    waker.close();
    schedules.close();
    this.#resolve(result);
  }

  #setStage(stage: AppStage, message: string): void {
    const { clock, recorder, teller } = this.#parts;
    this.#stage = stage;
    recorder.op({ op: 'replace', path: '/app_state/stage', value: stage });
    teller.emit({ type: 'stage', at: clock.now(), stage, ...(message === '' ? {} : { message }) });
  }
}

function toStored({ stage, message, error }: AppResult): Json {
  const wire = error === undefined ? {} : { error: toWire(error) };
  return { stage, message, ...wire } as unknown as Json;
}
