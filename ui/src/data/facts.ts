/**
 * What of the works is not in the state.
 *
 * F1 A process that comes or goes changes the calls of its work, or what the runtime keeps among its fields (its address): a
 *    turn tells. So the app is asked after such a turn, and never while nothing happens.
 * F2 However often that is, it is asked once per {@link PAUSE_MS}, and not while nobody looks; what changed meanwhile is read
 *    afterwards.
 */
import { background } from './background.ts';
import type { WorkSummary } from '../../../runtime/protocol/events.ts';
import { askJson, Refused } from './server.ts';

export type WorkFacts = Pick<WorkSummary, 'class' | 'hardware' | 'url' | 'pid' | 'startedAt'>;
export type Facts = ReadonlyMap<string, WorkFacts>;

/** Least time between two questions. */
const PAUSE_MS = 1_500;
/** What comes together is asked about together. */
const SOON_MS = 100;

export class FactsReader {
  readonly #changed: (facts: Facts) => void;
  #facts: Facts = new Map();
  #isStale = false;
  #askedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(changed: (facts: Facts) => void) {
    this.#changed = changed;
  }

  start(): void {
    document.addEventListener('visibilitychange', () => this.#plan());
  }

  /** They may be others by now. */
  stale(): void {
    this.#isStale = true;
    this.#plan();
  }

  #plan(): void {
    if (!this.#isStale || document.hidden || this.#timer !== undefined) return;
    const waitMs = Math.max(SOON_MS, this.#askedAt + PAUSE_MS - Date.now());
    this.#timer = setTimeout(() => background(this.#read(), 'reading the works'), waitMs);
  }

  async #read(): Promise<void> {
    this.#isStale = false;
    this.#askedAt = Date.now();
    try {
      this.#take(await askJson<readonly Omit<WorkSummary, 'vars'>[]>('works?vars=0'));
    } catch (error) {
      // A connection that is lost is told elsewhere; when it is back, they are stale.
      if (!(error instanceof Refused)) throw error;
    } finally {
      this.#timer = undefined;
      this.#plan();
    }
  }

  #take(works: readonly Omit<WorkSummary, 'vars'>[]): void {
    const facts = new Map<string, WorkFacts>();
    let isSame = works.length === this.#facts.size;
    for (const { name, class: kind, hardware, url, pid, startedAt } of works) {
      const known = this.#facts.get(name);
      const next: WorkFacts = { class: kind, hardware, url, pid, startedAt };
      const fact = known !== undefined && isEqual(known, next) ? known : next;
      isSame &&= fact === known;
      facts.set(name, fact);
    }
    if (isSame) return;
    this.#facts = facts;
    this.#changed(facts);
  }
}

function isEqual(a: WorkFacts, b: WorkFacts): boolean {
  return (
    a.class === b.class &&
    a.hardware === b.hardware &&
    a.url === b.url &&
    a.pid === b.pid &&
    a.startedAt === b.startedAt
  );
}
