/** What containers printed, as CloudWatch Logs keeps it: groups of streams of events. */
import type { EmulatorContext } from '../context.ts';
import { ServiceError } from '../service-error.ts';

/** Events that one stream keeps; the oldest go first. */
const MAX_EVENTS = 100_000;
/** Streams that one group keeps; those that were silent longest go first. */
const MAX_STREAMS = 5_000;

export interface LogEvent {
  /** Grows over all streams; part of the event's id. */
  readonly number: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly message: string;
}

export interface LogStream {
  readonly name: string;
  readonly createdAt: number;
  readonly events: LogEvent[];
  lastAt: number | null;
}

export interface LogGroup {
  readonly name: string;
  readonly createdAt: number;
  readonly streams: Map<string, LogStream>;
}

export class LogGroups {
  readonly #context: EmulatorContext;
  readonly #groups = new Map<string, LogGroup>();
  #number = 0;

  constructor(context: EmulatorContext) {
    this.#context = context;
  }

  get all(): readonly LogGroup[] {
    return [...this.#groups.values()];
  }

  has(name: string): boolean {
    return this.#groups.has(name);
  }

  /** Makes it unless it exists. */
  ensure(name: string): LogGroup {
    const found = this.#groups.get(name);
    if (found !== undefined) return found;
    const group = { name, createdAt: this.#context.clock.now(), streams: new Map() };
    this.#groups.set(name, group);
    return group;
  }

  get(name: string): LogGroup {
    const group = this.#groups.get(name);
    if (group === undefined)
      throw new ServiceError(
        'ResourceNotFoundException',
        'The specified log group does not exist.',
      );
    return group;
  }

  remove(name: string): void {
    this.get(name);
    this.#groups.delete(name);
  }

  stream(groupName: string, name: string): LogStream {
    const stream = this.get(groupName).streams.get(name);
    if (stream === undefined)
      throw new ServiceError(
        'ResourceNotFoundException',
        'The specified log stream does not exist.',
      );
    return stream;
  }

  /** Makes the stream unless it exists. */
  ensureStream(groupName: string, name: string): LogStream {
    const { streams } = this.ensure(groupName);
    const found = streams.get(name);
    if (found !== undefined) return found;
    const stream = { name, createdAt: this.#context.clock.now(), events: [], lastAt: null };
    streams.set(name, stream);
    if (streams.size > MAX_STREAMS) {
      const [silent] = [...streams.values()].toSorted(
        (a, b) => (a.lastAt ?? Infinity) - (b.lastAt ?? Infinity),
      );
      if (silent !== undefined) streams.delete(silent.name);
    }
    return stream;
  }

  append(groupName: string, streamName: string, message: string, at: number): void {
    const stream = this.ensureStream(groupName, streamName);
    this.#number += 1;
    stream.events.push({ number: this.#number, at, message });
    stream.lastAt = at;
    if (stream.events.length > MAX_EVENTS) stream.events.splice(0, MAX_EVENTS / 10);
  }
}
