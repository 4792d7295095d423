/**
 * A process that works on a store until it is killed: `store-writer.fixture.ts <folder> <write | hold>`.
 * Prints `open`, then one line per acknowledged version; every version brings delta `version` of `root.w`.
 */
import { LevelStateStore } from '../../../runtime/backends/local/level-state-store.ts';
import type { StoredApp } from '../../../runtime/protocol/turn-record.ts';

const [folder = '', mode = 'write'] = process.argv.slice(2);
const lease = await new LevelStateStore(folder, { turns: 40 }).open('app');
process.stdout.write('open\n');
if (mode === 'hold') setInterval(() => undefined, 60_000);
for (let version = 1; mode === 'write'; version += 1) {
  await lease.appendDeltas([
    {
      work: 'root.w',
      epoch: 1,
      seq: version,
      ops: [{ op: 'replace', path: '/vars/n', value: version }],
    },
  ]);
  const ops = [{ op: 'add', path: '/n', value: version }] as const;
  // Every second mark stays behind, so that there are always deltas to keep.
  const marks = { 'root.w': version - (version % 2) };
  const snapshot = (): StoredApp => ({ version, document: { n: version }, marks, meta: {} });
  await lease.commit({ version, at: version, ops, marks, meta: {} }, snapshot);
  process.stdout.write(`${version}\n`);
}
