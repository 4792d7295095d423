/**
 * What this page knows of the app.
 *
 * L1 Events are taken when they come and applied once per frame, all together: the page draws at most once per frame, however
 *    many turns there are.
 * L2 A view never changes; parts that did not change are the same objects in the next one.
 *
 * `stormkite/client` keeps a replica too, turn by turn and frozen at every depth, for programs. A page that follows a thousand
 * turns a second copies less when it applies a frame's worth at once, and it shows who made each turn.
 */
import { background } from './background.ts';
import type { AppStatus, LayoutTabView, LayoutView } from './contract.ts';
import type { AppStage, CommittedTurn } from '../../../runtime/protocol/events.ts';
import type { Json } from '../../../runtime/state/json.ts';
import { isOfRuntime } from '../logic/places.ts';
import { applyBatch } from '../logic/share.ts';
import { childOf } from '../logic/pointer.ts';
import { WorkRows, type WorkRow } from '../logic/works.ts';
import type { Message } from './channel.ts';
import { Connection, type Link } from './connection.ts';
import { FactsReader, type Facts } from './facts.ts';
import { askJson } from './server.ts';
import { TurnLog } from './turn-log.ts';

export interface View {
  readonly link: Link;
  /** `null` before the first snapshot. */
  readonly doc: Json | null;
  readonly version: number;
  /** Epoch milliseconds of the latest turn; `null` before one came. */
  readonly changedAt: number | null;
  readonly stage: AppStage | null;
  readonly info: AppStatus | null;
  /** `null` until it was answered. */
  readonly tabs: readonly LayoutTabView[] | null;
  readonly works: readonly WorkRow[];
  readonly facts: Facts;
  readonly turns: readonly CommittedTurn[];
}

type Item =
  | { readonly type: 'snapshot'; readonly version: number; readonly state: Json }
  | { readonly type: 'turn'; readonly turn: CommittedTurn & { readonly stage?: AppStage } };

/** While no frames are drawn, because the page is hidden. */
const HIDDEN_MS = 250;

export class LiveApp {
  view: View = {
    link: { state: 'connecting' },
    doc: null,
    version: 0,
    changedAt: null,
    stage: null,
    info: null,
    tabs: null,
    works: [],
    facts: new Map(),
    turns: [],
  };
  readonly #listeners = new Set<() => void>();
  readonly #rows = new WorkRows();
  readonly #log = new TurnLog();
  readonly #connection: Connection;
  readonly #facts = new FactsReader((facts) => this.#show({ facts }));
  #queue: Item[] = [];
  /** Version after everything that waits in the queue. */
  #taken = 0;
  #isPlanned = false;

  constructor() {
    this.#connection = new Connection({
      message: (message) => this.#message(message),
      link: (link) => this.#linked(link),
    });
  }

  start(): void {
    this.#connection.start();
    this.#facts.start();
    // A frame that was planned before the page was hidden is drawn when it is shown again, hours later.
    document.addEventListener('visibilitychange', () => {
      if (this.#isPlanned) this.#applySoon();
    });
  }

  retry(): void {
    this.#connection.retry();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  #message({ event, data }: Message): void {
    if (event === 'snapshot') {
      const { version, state } = data as { version: number; state: Json };
      this.#queue = [{ type: 'snapshot', version, state }];
      this.#taken = version;
    } else if (event === 'turn') {
      const turn = data as CommittedTurn & { readonly stage: AppStage };
      if (turn.version <= this.#taken) return;
      if (turn.version !== this.#taken + 1) return this.#connection.reset();
      this.#queue.push({ type: 'turn', turn });
      this.#taken = turn.version;
    } else if (event === 'stage') {
      this.#show({ stage: (data as { stage: AppStage }).stage });
      return;
    } else if (event === 'layout') {
      background(this.#readLayout(), 'reading the layout');
      return;
    }
    this.#plan();
  }

  #linked(link: Link): void {
    const wasLive = this.view.link.state === 'live';
    this.#show({ link });
    if (link.state !== 'live' || wasLive) return;
    background(this.#readInfo(), 'reading the status');
    background(this.#readLayout(), 'reading the layout');
    this.#facts.stale();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#applySoon();
  }

  #applySoon(): void {
    const run = (): void => {
      if (!this.#isPlanned) return;
      this.#isPlanned = false;
      this.#apply();
    };
    if (document.hidden) setTimeout(run, HIDDEN_MS);
    else requestAnimationFrame(run);
  }

  /** Everything that came since the last frame. */
  #apply(): void {
    const items = this.#queue;
    this.#queue = [];
    let { doc, version, stage, changedAt } = this.view;
    const ops: CommittedTurn['ops'][number][] = [];
    for (const item of items) {
      if (item.type === 'snapshot') {
        ({ version, state: doc } = item);
        ops.length = 0;
        this.#log.clear();
        const told = childOf(childOf(doc, 'app_state'), 'stage');
        if (typeof told === 'string') stage = told as AppStage;
        continue;
      }
      const { turn } = item;
      for (const op of turn.ops) ops.push(op);
      ({ version, at: changedAt } = turn);
      stage = turn.stage ?? stage;
      this.#log.add(turn);
    }
    if (doc === null) return;
    try {
      doc = applyBatch(doc, ops);
    } catch {
      this.#connection.reset();
      return;
    }
    const works = this.#rows.of(doc);
    if (works !== this.view.works || ops.some(({ path }) => isOfRuntime(path))) this.#facts.stale();
    this.#show({ doc, version, stage, changedAt, works, turns: this.#log.list() });
  }

  #show(part: Partial<View>): void {
    this.view = { ...this.view, ...part };
    for (const listener of this.#listeners) listener();
  }

  async #readInfo(): Promise<void> {
    const info = await orNull(askJson<AppStatus>('status'));
    if (info !== null) this.#show({ info, stage: this.view.stage ?? info.stage });
  }

  async #readLayout(): Promise<void> {
    const layout = await orNull(askJson<LayoutView>('layout'));
    if (layout !== null) this.#show({ tabs: layout.tabs });
    else if (this.view.tabs === null) this.#show({ tabs: [] });
  }
}

/** What is not answered now is asked for again when the connection is back. */
async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch {
    return null;
  }
}
