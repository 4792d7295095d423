import { link, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { PauseNoteFile, type PauseNote } from '../../../cli/pause-note.ts';
import { COUNTER } from './apps.ts';
import { CliRig } from './cli-rig.ts';

describe('a paused app of this machine', () => {
  let rig: CliRig;
  beforeEach(async () => {
    rig = await CliRig.open();
  });
  afterEach(() => rig.close());

  const paused = async (): Promise<string> => {
    const file = await rig.write('rest/app.ts', COUNTER);
    const app = rig.app(file);
    await app.prints('[root.count] counting from 0');
    await rig.run('pause', '--app', 'rest');
    await app.done;
    return file;
  };
  const resume = async () => await rig.run('resume', '--app', 'rest');

  test('is still paused after a resume that could not load it', async ({ expect }) => {
    await paused();
    await rig.write('rest/app.ts', 'const = 1;');
    expect(await resume()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('HOST_APP_SYNTAX'),
    });
    await rig.write('rest/app.ts', COUNTER);
    const again = rig.start(['resume', '--app', 'rest']);
    await again.prints('[root.count] counting from ');
    await rig.run('stop', '--all', '--app', 'rest');
    expect(await again.done).toMatchObject({ code: 0 });
  });

  test('is paused no more once it ran again, however that was started', async ({ expect }) => {
    const file = await paused();
    const again = rig.app(file, ['--resume']);
    await again.prints('[root.count] counting from ');
    await rig.run('stop', '--all', '--app', 'rest');
    await again.done;
    expect(await resume()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_NOTHING_PAUSED'),
    });
  });

  test('is none when its note cannot be read', async ({ expect }) => {
    const note = join(rig.home, 'apps/rest/paused.json');
    await mkdir(dirname(note), { recursive: true });
    await writeFile(note, '{');
    expect(await resume()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('CLI_NOTHING_PAUSED'),
    });
  });

  describe('has a note', () => {
    const first: PauseNote = { appFile: '/a.ts', mode: 'local', pausedAt: '2026-01-01T00:00:00Z' };
    const second: PauseNote = { ...first, pausedAt: '2026-01-02T00:00:00Z' };

    test('that is replaced as a whole', async ({ expect }) => {
      const path = join(rig.home, 'apps/rest/paused.json');
      await mkdir(dirname(path), { recursive: true });
      const file = new PauseNoteFile({ STORMKITE_HOME: rig.home }, 'rest');
      await file.write(first);
      // Whoever has the earlier note open reads all of it.
      await link(path, `${path}.open`);
      await file.write(second);
      expect(JSON.parse(await readFile(`${path}.open`, 'utf8'))).toEqual(first);
      expect(await file.read()).toEqual(second);
    });

    test('that goes with its own pause, and not with the one before', async ({ expect }) => {
      await mkdir(join(rig.home, 'apps/rest'), { recursive: true });
      const file = new PauseNoteFile({ STORMKITE_HOME: rig.home }, 'rest');
      await file.write(second);
      await file.remove(first);
      expect(await file.read()).toEqual(second);
      await file.remove(second);
      expect(await file.read()).toBeNull();
    });

    test('that cannot be written without a folder', async ({ expect }) => {
      const file = new PauseNoteFile({ STORMKITE_HOME: rig.home }, 'rest');
      await expect(file.write(first)).rejects.toMatchObject({ code: 'CLI_WRITE_FAILED' });
    });
  });
});
