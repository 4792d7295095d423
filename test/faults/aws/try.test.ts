import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { copyFile, mkdir } from 'node:fs/promises';
import { EmulatedRig } from '../../support/emulated-rig.ts';
test('try', async ({ expect }) => {
  const t0 = Date.now();
  const rig = await EmulatedRig.open();
  console.log('open', Date.now() - t0);
  try {
    await mkdir(rig.folder + '/a');
    await copyFile(
      fileURLToPath(new URL('../../fixtures/apps/errand.ts', import.meta.url)),
      rig.folder + '/a/app.ts',
    );
    const packed = await rig.pack(rig.folder + '/a/app.ts');
    console.log('packed', Date.now() - t0);
    const app = await rig.deploy(packed, { workEnv: { TRACE_FILE: rig.folder + '/trace' } });
    const r = await app.ended();
    console.log('ended', Date.now() - t0, JSON.stringify(r));
    await app.released();
    console.log('released', Date.now() - t0);
    const s = await app.stored();
    console.log(JSON.stringify(s, null, 1).slice(0, 6000));
    console.log(app.told);
  } finally {
    await rig.close();
  }
  console.log('closed', Date.now() - t0);
});
