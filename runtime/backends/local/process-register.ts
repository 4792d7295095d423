/**
 * The processes of this run on disk, so that the next run ends those that outlived a killed flow.
 *
 * They end themselves when their socket closes; this is for those that could not.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { background } from '../../errors/index.ts';
import { lookAtProcess, signalGroup } from './process-group.ts';

const FILE = 'processes.json';

interface Entry {
  readonly pid: number;
  readonly startedAt: string;
}

export class ProcessRegister {
  readonly #directory: string;
  readonly #file: string;
  readonly #entries = new Map<number, Entry>();
  readonly #alive = new Set<number>();
  #writing: Promise<void> | null = null;
  #stale = false;

  private constructor(directory: string, file: string) {
    this.#directory = directory;
    this.#file = file;
  }

  /** Kills what an earlier run in this folder left behind. `file` tells registers of one folder apart. */
  static async open(directory: string, file = FILE): Promise<ProcessRegister> {
    await mkdir(directory, { recursive: true });
    const register = new ProcessRegister(directory, file);
    for (const { pid, startedAt } of await register.#read()) {
      if ((await lookAtProcess(pid))?.startedAt === startedAt) signalGroup(pid, 'SIGKILL');
    }
    await rm(register.#path, { force: true });
    return register;
  }

  async add(pid: number): Promise<void> {
    this.#alive.add(pid);
    const startedAt = (await lookAtProcess(pid))?.startedAt;
    if (startedAt === undefined || !this.#alive.has(pid)) return;
    this.#entries.set(pid, { pid, startedAt });
    this.#save();
  }

  remove(pid: number): void {
    this.#alive.delete(pid);
    if (this.#entries.delete(pid)) this.#save();
  }

  /** Removes the file. */
  async close(): Promise<void> {
    this.#alive.clear();
    this.#entries.clear();
    await this.#writing;
    await rm(this.#path, { force: true });
  }

  get #path(): string {
    return join(this.#directory, this.#file);
  }

  #save(): void {
    this.#stale = true;
    this.#writing ??= this.#write();
    background(this.#writing, 'writing processes.json');
  }

  /** Changes that come while the file is written are written together. */
  async #write(): Promise<void> {
    try {
      while (this.#stale) {
        this.#stale = false;
        const draft = `${this.#path}.new`;
        await writeFile(draft, JSON.stringify([...this.#entries.values()]));
        await rename(draft, this.#path);
      }
    } finally {
      this.#writing = null;
    }
  }

  async #read(): Promise<Entry[]> {
    try {
      const stored: unknown = JSON.parse(await readFile(this.#path, 'utf8'));
      return Array.isArray(stored) ? stored.filter(isEntry) : [];
    } catch {
      // Missing, or cut off by the crash of the run that wrote it.
      return [];
    }
  }
}

function isEntry(value: unknown): value is Entry {
  const { pid, startedAt } = value as Partial<Entry>;
  return typeof pid === 'number' && pid > 1 && typeof startedAt === 'string';
}
