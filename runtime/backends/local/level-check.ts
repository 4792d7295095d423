/**
 * Looks for damage in a LevelDB folder before LevelDB opens it.
 *
 * LevelDB drops what it cannot read in a log, silently, and deletes the file; it does not check its table blocks, and a
 * damaged one may end the whole process in an assertion. So we read the files first. Damage stays as it is.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteReader } from './level-bytes.ts';
import { checkLog } from './level-log-check.ts';
import { findTableDamage } from './level-table-check.ts';

/** Fields of a manifest entry (LevelDB `db/version_edit.cc`). */
const TAG = {
  comparator: 1,
  log: 2,
  next: 3,
  last: 4,
  pointer: 5,
  deleted: 6,
  added: 7,
  previousLog: 9,
} as const;

/** What is wrong with the files of a LevelDB folder, or `null`. A folder that does not exist is fine. */
export async function findStoreDamage(directory: string): Promise<string | null> {
  const names = (await listed(directory)).filter((name) =>
    /^\d+\.(log|ldb|sst)$|^MANIFEST-\d+$|^CURRENT$/.test(name),
  );
  const current = (await readIfThere(join(directory, 'CURRENT')))?.toString('utf8');
  if (current === undefined) {
    return names.some((name) => /\.(ldb|sst)$/.test(name)) ? 'the file CURRENT is missing' : null;
  }
  if (!/^MANIFEST-\d+\n$/.test(current)) return 'the file CURRENT is unreadable';
  const manifest = await readIfThere(join(directory, current.trim()));
  if (manifest === undefined) return `the file ${current.trim()} is missing`;
  const { entries, damage } = checkLog(manifest);
  const live = readManifest(entries);
  if (damage !== null || live === null) return `${current.trim()}, ${damage ?? 'it is unreadable'}`;

  for (const name of names) {
    const number = Number.parseInt(name, 10);
    const isTable = /\.(ldb|sst)$/.test(name);
    const isLog = name.endsWith('.log') && number >= live.log;
    if (!isLog && !(isTable && live.tables.has(number))) continue;
    const bytes = await readIfThere(join(directory, name));
    if (bytes === undefined) continue;
    const problem = isLog ? checkLog(bytes).damage : findTableDamage(bytes);
    if (problem !== null) return `${name}, ${problem}`;
  }
  return null;
}

/** The tables that count, and the oldest log that does; others are leftovers. */
function readManifest(entries: readonly Uint8Array[]): { tables: Set<number>; log: number } | null {
  const tables = new Set<number>();
  let log = 0;
  for (const entry of entries) {
    const reader = new ByteReader(entry);
    while (!reader.isAtEnd) {
      const tag = reader.varint();
      if (tag === TAG.log) log = reader.varint();
      else if (tag === TAG.next || tag === TAG.last || tag === TAG.previousLog) reader.varint();
      else if (tag === TAG.comparator) reader.skipSlice();
      else if (tag === TAG.pointer) {
        reader.varint();
        reader.skipSlice();
      } else if (tag === TAG.deleted) {
        reader.varint();
        tables.delete(reader.varint());
      } else if (tag === TAG.added) {
        reader.varint();
        tables.add(reader.varint());
        reader.varint();
        reader.skipSlice();
        reader.skipSlice();
      } else return null;
    }
    if (reader.isBroken) return null;
  }
  return { tables, log };
}

async function listed(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Another process that holds the store may delete a file at any time. */
async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
