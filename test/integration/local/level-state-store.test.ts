import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  LevelStateStore,
  type SnapshotLimits,
} from '../../../runtime/backends/local/level-state-store.ts';
import { stateStoreContract, type StorePlace } from '../../contract/state-store.contract.ts';

const createPlace = async (limits?: SnapshotLimits): Promise<StorePlace> => {
  const base = await mkdtemp(join(tmpdir(), 'stormkite-store-'));
  return {
    reach: () => new LevelStateStore(join(base, 'store'), limits),
    remove: () => rm(base, { recursive: true, force: true }),
  };
};

stateStoreContract({ name: 'LevelStateStore', whileHeld: 'refuses', createPlace });
stateStoreContract({
  name: 'LevelStateStore with a snapshot every 3 turns',
  whileHeld: 'refuses',
  createPlace: () => createPlace({ turns: 3 }),
});
