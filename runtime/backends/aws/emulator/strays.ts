/**
 * Processes that left the group of the one that started them, found by what they still have of it; only where the system has `/proc`.
 *
 * S1 Most keep the environment; one that cleaned it keeps the folder, or the pipes that it prints into. Looking into pipes costs
 *    most, and is for when they stay open.
 * S2 Not ours: what is older, since it was there before; what has another container's environment; and in our folder what has a
 *    terminal, as the shell of a person who looks around there.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { statOf } from './process-stat.ts';

const STDOUT = 1;
const STDERR = 2;
/** What others have open as well is not told by its name, such as `/dev/null`. */
const PIPE = /^(?:pipe|socket):/;

/** What tells a process and all that it starts from others. */
export interface Traces {
  /** `NAME=value` in the environment; another value of the name is another one's. */
  readonly marker: string;
  /** Real path of the folder in which nothing else works. */
  readonly folder: string;
}

export class Strays {
  readonly #traces: Traces;
  readonly #name: string;
  /** What its output goes into, as links in `/proc/<pid>/fd`. */
  readonly #pipes: ReadonlySet<string>;
  readonly #startedAt: number;

  /** @param pid of the process, which was started this moment. */
  constructor(pid: number, traces: Traces) {
    this.#traces = traces;
    this.#name = traces.marker.slice(0, traces.marker.indexOf('=') + 1);
    const links = [STDOUT, STDERR].map((fd) => linkAt(`/proc/${pid}/fd/${fd}`) ?? '');
    this.#pipes = new Set(links.filter((link) => PIPE.test(link)));
    this.#startedAt = statOf(pid)?.startedAt ?? Infinity;
  }

  /** Those that have its environment or work in its folder. */
  find(): readonly number[] {
    return this.#search((pid) => this.#worksHere(pid) && statOf(pid)?.hasTerminal === false);
  }

  /** Those that may still print into its pipes. */
  findPrinting(): readonly number[] {
    return this.#search((pid) => this.#holdsPipe(pid));
  }

  #search(isOurs: (pid: number) => boolean): readonly number[] {
    return processIds().filter((pid) => {
      const marker = environmentOf(pid).find((entry) => entry.startsWith(this.#name));
      if (marker !== undefined) return marker === this.#traces.marker;
      return isOurs(pid) && (statOf(pid)?.startedAt ?? 0) >= this.#startedAt;
    });
  }

  #worksHere(pid: number): boolean {
    return linkAt(`/proc/${pid}/cwd`)?.startsWith(`${this.#traces.folder}/`) ?? false;
  }

  #holdsPipe(pid: number): boolean {
    const folder = `/proc/${pid}/fd`;
    return namesIn(folder).some((fd) => this.#pipes.has(linkAt(`${folder}/${fd}`) ?? ''));
  }
}

/** All but this one. */
function processIds(): readonly number[] {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

// What cannot be read has ended meanwhile, or belongs to somebody else.

function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
