/**
 * Applies, between two turns, what came from outside (R3), in the order in which it came.
 */
import { appError } from '../errors/index.ts';
import type { Component } from '../component/component.ts';
import type { WorkFact } from '../ports/launcher.ts';
import type { Delta } from '../protocol/delta.ts';
import type { JsonObject } from '../state/json.ts';
import type { AppState } from './app-state.ts';
import { applyClientPatch } from './client-patch.ts';
import type { Collector } from './collector.ts';
import type { Committer } from './committer.ts';
import { reach } from './failpoints.ts';
import { unknownWork, type LoopBinding } from './flow-binding.ts';
import type { Item } from './inbox.ts';
import type { TurnWatcher } from './loop-options.ts';
import type { Recorder } from './recorder.ts';
import type { Teller } from './teller.ts';
import type { Waker } from './waker.ts';
import type { WorkBook } from './work-book.ts';
import type { WorkEvents } from './work-events.ts';

export interface ArrivalsParts {
  readonly root: Component;
  readonly recorder: Recorder;
  readonly works: WorkBook;
  readonly collector: Collector;
  readonly events: WorkEvents;
  readonly binding: LoopBinding;
  readonly committer: Committer;
  readonly waker: Waker;
  readonly teller: Teller;
  readonly appState: AppState;
  readonly watch: TurnWatcher | undefined;
  readonly document: () => JsonObject;
  /** Ends a process that belongs to no work. */
  readonly endUnknown: (fact: WorkFact) => void;
  /** A client asked the app to end. */
  readonly end: (message: string) => void;
  /** The app takes no more orders. */
  readonly isEnding: () => boolean;
}

export class Arrivals {
  readonly #parts: ArrivalsParts;
  #items: Item[] = [];
  #frozen = false;
  #closed = false;

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  /** Whether nothing waits to be applied. */
  get isEmpty(): boolean {
    return this.#frozen || this.#items.length === 0;
  }

  /** Applies nothing more: what works and launchers tell is for the next flow, whatever it means there. */
  freeze(): void {
    this.#frozen = true;
  }

  post(item: Item): void {
    if (this.#closed) {
      refuse(item);
      return;
    }
    this.#items.push(item);
    this.#parts.waker.wake();
  }

  /** Applies what has arrived; whatever changes the state wants a turn. */
  apply(): void {
    if (this.#frozen) return;
    const items = this.#items;
    this.#items = [];
    const { recorder, teller, waker } = this.#parts;
    for (const item of items) {
      const before = recorder.count;
      this.#apply(item);
      teller.changes(sourceOf(item), clientOf(item));
      // The flow cannot see what the host says of the app.
      if (recorder.count > before && item.type !== 'app-state') waker.wantTurn();
    }
    reach('delta.applied');
  }

  /** Refuses what is still waiting, and what comes later. */
  close(): void {
    this.#closed = true;
    for (const item of this.#items.splice(0)) refuse(item);
  }

  #apply(item: Item): void {
    const { events, works, end } = this.#parts;
    switch (item.type) {
      case 'delta':
        return this.#delta(item.delta);
      case 'fact': {
        const state = works.get(item.fact.work);
        if (state) events.fact(state, item.fact);
        else if (item.fact.state === 'starting' || item.fact.state === 'running')
          this.#parts.endUnknown(item.fact);
        return;
      }
      case 'launched':
        return events.launched(item.state, item.epoch, item.result);
      case 'timeout':
        return events.timeout(item.state, item.call, item.attempt);
      case 'idle':
        return events.idle(item.state);
      case 'gap':
        return events.gap(item.state, item.seq);
      case 'fire':
        return item.fire();
      case 'patch':
        return this.#patch(item);
      case 'task':
        return this.#task(item);
      case 'command':
        return this.#command(item);
      case 'app-state':
        return this.#parts.appState.set(item.key, item.value);
      case 'end':
        return end(item.message);
    }
  }

  #delta(delta: Delta): void {
    const { works, events, committer } = this.#parts;
    const state = works.get(delta.work);
    if (!state) return;
    events.delta(state, delta);
    if (delta.event?.type === 'end') committer.hurry();
  }

  #patch({ ops, check, done }: Extract<Item, { type: 'patch' }>): void {
    const { committer, document, isEnding, waker } = this.#parts;
    if (isEnding()) return done({ ok: false, why: 'ended' });
    if (check && !check(document())) return done({ ok: false, why: 'stale' });
    const outcomes = applyClientPatch(this.#parts, ops);
    const last = outcomes.at(-1);
    if (last && !last.ok)
      return done({ ok: false, why: 'refused', outcomes, problem: last.message });
    if (ops.length > 0) waker.wantTurn();
    committer.whenDurable(
      () => done({ ok: true, version: committer.version }),
      () => done({ ok: false, why: 'ended' }),
    );
  }

  /** User code that a client asked for: it runs like a turn, and answers when what it wrote is durable. */
  #task({ run, done }: Extract<Item, { type: 'task' }>): void {
    const { collector, committer, isEnding, watch } = this.#parts;
    if (isEnding()) return done(notRunning('a handler'));
    watch?.begin();
    run();
    watch?.end();
    collector.collect();
    committer.whenDurable(
      () => done(null),
      () => done(notRunning('a handler')),
    );
  }

  #command({ work, verb, done }: Extract<Item, { type: 'command' }>): void {
    const { binding, committer, isEnding, waker, works } = this.#parts;
    if (isEnding()) return done(notRunning(verb));
    const target = works.get(work)?.work;
    if (!target) return done(unknownWork(work));
    if (verb === 'start') binding.startWork(target);
    else if (verb === 'stop') binding.stopWork(target, false);
    else binding.deleteWork(target);
    waker.wantTurn();
    committer.whenDurable(
      () => done(null),
      () => done(notRunning(verb)),
    );
  }
}

function sourceOf(item: Item): string {
  if (item.type === 'delta') return item.delta.work;
  if (item.type === 'fact') return item.fact.work;
  if ('state' in item) return item.state.name;
  return item.type === 'patch' || item.type === 'command' || item.type === 'task'
    ? 'client'
    : 'flow';
}

function clientOf(item: Item): string | undefined {
  return 'client' in item ? item.client : undefined;
}

function refuse(item: Item): void {
  if (item.type === 'patch') item.done({ ok: false, why: 'ended' });
  if (item.type === 'command') item.done(notRunning(item.verb));
  if (item.type === 'task') item.done(notRunning('a handler'));
}

function notRunning(verb: string): Error {
  return appError('FLOW_NOT_RUNNING', { method: verb });
}
