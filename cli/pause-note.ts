/** The note that a paused run of this machine leaves, so that it can be resumed by its name. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { appError } from '../runtime/errors/index.ts';
import { appDirectoryOf, homeOf } from '../runtime/host/run-directory.ts';
import { appModes } from '../runtime/protocol/app-status.ts';

const noteSchema = z.object({
  appFile: z.string(),
  mode: z.enum(appModes),
  /** Where it listened: whoever looked at it finds it there again. */
  port: z.string().optional(),
  /** ISO time; tells this pause from the next one of the same app. */
  pausedAt: z.string().optional(),
});

export type PauseNote = z.infer<typeof noteSchema>;

/** The note of one app, whether it is there or not. */
export class PauseNoteFile {
  readonly #path: string;

  constructor(env: NodeJS.ProcessEnv, app: string) {
    this.#path = join(appDirectoryOf(homeOf(env), app).root, 'paused.json');
  }

  /** What is noted; `null` for no note, and for a file that is none. */
  async read(): Promise<PauseNote | null> {
    const text = await readFile(this.#path, 'utf8').catch(() => null);
    return text === null ? null : parseNote(text);
  }

  /** Whoever reads meanwhile finds the note before, or this one. @throws `CLI_WRITE_FAILED` */
  async write(note: PauseNote): Promise<void> {
    const draft = `${this.#path}.${process.pid}`;
    try {
      await writeFile(draft, `${JSON.stringify(note)}\n`);
      await rename(draft, this.#path);
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => undefined);
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw appError('CLI_WRITE_FAILED', { where: this.#path, problem }, { cause });
    }
  }

  /** Removes a note that was read, unless there is a later one. */
  async remove({ pausedAt }: PauseNote): Promise<void> {
    if ((await this.read())?.pausedAt === pausedAt) await rm(this.#path, { force: true });
  }
}

function parseNote(text: string): PauseNote | null {
  try {
    return noteSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
