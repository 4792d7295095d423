import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { removeFolder } from '../../../runtime/backends/aws/emulator/remove-folder.ts';

/** A user id that owns nothing. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** As a user who has only the rights that files say, which root has not. */
async function withoutPrivileges(act: () => Promise<void>): Promise<void> {
  if (!isRoot) return await act();
  process.seteuid?.(NOBODY);
  try {
    await act();
  } finally {
    process.seteuid?.(0);
  }
}

describe('the folder of a task', () => {
  test('goes also when the work let nobody change it; what it links to stays as it was', async ({
    expect,
    onTestFinished,
  }) => {
    // The folder of this run of tests is root's alone.
    const folder = await mkdtemp(join(isRoot ? '/tmp' : tmpdir(), 'emu-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    if (isRoot) await chown(folder, NOBODY, NOBODY);
    const [task, cache, linked] = ['task', 'task/cache/module', 'linked'].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    await withoutPrivileges(async () => {
      for (const path of [cache, linked]) await mkdir(path, { recursive: true });
      await symlink(linked, join(cache, 'link'));
      for (const path of [cache, linked]) {
        await writeFile(join(path, 'file'), 'x', { mode: 0o444 });
        await chmod(path, 0o555);
      }
      await removeFolder(task);
    });
    expect(existsSync(task)).toBe(false);
    expect((await stat(linked)).mode & 0o777).toBe(0o555);
    expect(existsSync(join(linked, 'file'))).toBe(true);
    await chmod(linked, 0o755);
  });
});
