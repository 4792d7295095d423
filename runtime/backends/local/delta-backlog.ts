/**
 * What is known in memory about the deltas in the store, so that they are deleted by exact key, without scans.
 *
 * B1 Deltas are stored in records: runs that one process of a work wrote. Only their bounds are kept here.
 * B2 A repeat (same work, seq and epoch, or an older epoch) writes nothing. A newer epoch is stored beside and wins.
 * B3 A record goes when the committed mark of its work reaches its last seq. A mark that moves back belongs to a new
 *    work of the same name: everything of the old one goes.
 * B4 A record names the seq before it (`after`), so that one that was lost is noticed.
 */
import type { Delta } from '../../protocol/delta.ts';
import { deltaKey, deltaPrefix, encodeValue, type Write } from './level-keys.ts';

/** Deltas in one record at most, so that a long backlog is freed piece by piece. */
const MAX_RECORD_DELTAS = 1_000;

/** A stored run of deltas of one work. */
export interface DeltaRecord {
  readonly after: number;
  readonly deltas: readonly Delta[];
}

interface Span {
  readonly key: string;
  readonly epoch: number;
  readonly after: number;
  readonly first: number;
  last: number;
}

interface WorkBacklog {
  readonly prefix: string;
  mark: number;
  /** Highest seq known: the mark, or that of a record. */
  last: number;
  spans: Span[];
}

export class DeltaBacklog {
  readonly #works = new Map<string, WorkBacklog>();

  /** Registers a record that was found in the store; false when it does not belong under its key. */
  restore(key: string, record: DeltaRecord): boolean {
    const head = record.deltas[0];
    if (head === undefined) return false;
    const work = this.#work(head.work);
    if (key !== deltaKey(work.prefix, head.seq, head.epoch)) return false;
    const last = head.seq + record.deltas.length - 1;
    work.spans.push({ key, epoch: head.epoch, after: record.after, first: head.seq, last });
    work.last = Math.max(work.last, last);
    return true;
  }

  /** Sets the committed marks of a store that was just read. */
  restoreMarks(marks: Readonly<Record<string, number>>): void {
    for (const [name, mark] of Object.entries(marks)) {
      const work = this.#work(name);
      work.mark = mark;
      work.last = Math.max(work.last, mark);
    }
  }

  /** The first place where a record is missing, or `null`. */
  findGap(): string | null {
    for (const [name, work] of this.#works) {
      const ends = new Set(work.spans.map((span) => span.last));
      for (const { after, first } of work.spans) {
        if (after > work.mark && !ends.has(after))
          return `deltas of ${name} before ${first} are missing`;
      }
    }
    return null;
  }

  /** Takes deltas in; returns what is to be written. */
  append(deltas: readonly Delta[]): Write[] {
    const open = new Map<string, { span: Span; deltas: Delta[] }>();
    const records: { span: Span; deltas: Delta[] }[] = [];
    for (const delta of deltas) {
      const work = this.#work(delta.work);
      if (isKnown(work, delta)) continue;
      const current = open.get(delta.work);
      if (
        current !== undefined &&
        continues(current.span, delta) &&
        current.deltas.length < MAX_RECORD_DELTAS
      ) {
        current.span.last = delta.seq;
        current.deltas.push(delta);
      } else {
        const { epoch, seq } = delta;
        const span = {
          key: deltaKey(work.prefix, seq, epoch),
          epoch,
          after: work.last,
          first: seq,
          last: seq,
        };
        const record = { span, deltas: [delta] };
        work.spans.push(span);
        records.push(record);
        open.set(delta.work, record);
      }
      work.last = Math.max(work.last, delta.seq);
    }
    return records.map(({ span, deltas: members }) => {
      const record: DeltaRecord = { after: span.after, deltas: members };
      return [span.key, encodeValue(record)];
    });
  }

  /** Moves marks; returns the deletions that follow. */
  advance(marks: Readonly<Record<string, number>>): Write[] {
    const deletions: Write[] = [];
    for (const [name, mark] of Object.entries(marks)) {
      const work = this.#work(name);
      const isNew = mark < work.mark;
      const kept: Span[] = [];
      for (const span of work.spans) {
        if (isNew || span.last <= mark) deletions.push([span.key, null]);
        else kept.push(span);
      }
      work.spans = kept;
      work.mark = mark;
      work.last = isNew ? mark : Math.max(work.last, mark);
    }
    return deletions;
  }

  /** Keys of the records that reach beyond `seq`. */
  keysAfter(name: string, seq: number): string[] {
    const spans = this.#works.get(name)?.spans ?? [];
    return spans.filter((span) => span.last > seq).map((span) => span.key);
  }

  /** Whether the record with this key has not been deleted meanwhile. */
  holds(name: string, key: string): boolean {
    return this.#works.get(name)?.spans.some((span) => span.key === key) ?? false;
  }

  /** Forgets everything; returns the deletions that follow. */
  clear(): Write[] {
    const deletions: Write[] = [];
    for (const { spans } of this.#works.values())
      for (const span of spans) deletions.push([span.key, null]);
    this.#works.clear();
    return deletions;
  }

  #work(name: string): WorkBacklog {
    let work = this.#works.get(name);
    if (work === undefined) {
      work = { prefix: deltaPrefix(name), mark: 0, last: 0, spans: [] };
      this.#works.set(name, work);
    }
    return work;
  }
}

/** The deltas above `seq` in order; where two processes used one number, the newer one counts. */
export function orderDeltas(deltas: Iterable<Delta>, seq: number): Delta[] {
  const bySeq = new Map<number, Delta>();
  for (const delta of deltas) {
    const known = bySeq.get(delta.seq);
    if (delta.seq > seq && (known === undefined || known.epoch < delta.epoch))
      bySeq.set(delta.seq, delta);
  }
  return [...bySeq.values()].toSorted((a, b) => a.seq - b.seq);
}

function isKnown(work: WorkBacklog, delta: Delta): boolean {
  if (delta.seq <= work.mark) return true;
  if (delta.seq > work.last) return false;
  return work.spans.some(
    (span) => span.first <= delta.seq && delta.seq <= span.last && span.epoch >= delta.epoch,
  );
}

function continues(span: Span, delta: Delta): boolean {
  return span.epoch === delta.epoch && span.last + 1 === delta.seq;
}
