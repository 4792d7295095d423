import { test } from 'vitest';
import { MemoryStateStore } from '../../../runtime/backends/memory/memory-state-store.ts';
import { stateStoreContract, turnOf } from '../../contract/state-store.contract.ts';

stateStoreContract({
  name: 'MemoryStateStore',
  whileHeld: 'takes-over',
  createPlace: async () => {
    const store = new MemoryStateStore();
    return { reach: () => store, remove: async () => undefined };
  },
});

test('apps in one memory store are apart', async ({ expect }) => {
  const store = new MemoryStateStore();
  const [a, b] = [await store.open('a'), await store.open('b')];
  const snapshot = (): never => {
    throw new Error('never asked for');
  };
  expect(await a.commit(turnOf(1), snapshot)).toEqual({ ok: true });
  expect(await b.load()).toBeNull();
});
