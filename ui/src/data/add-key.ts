import type { Json } from '../../../runtime/state/json.ts';
import { below, childOf } from '../logic/pointer.ts';
import { change, read } from './server.ts';

const ATTEMPTS = 8;

/** Adds a key that is not there; false when it is. Other changes of the same object are no reason to fail: it is tried again. */
export async function addKey(pointer: string, key: string, value: Json): Promise<boolean> {
  let holder = await read(pointer);
  for (let attempt = 1; ; attempt += 1) {
    if (childOf(holder.value, key) !== undefined) return false;
    const conflict = await change([{ op: 'add', path: below(pointer, key), value }], holder.etag);
    if (conflict === null) return true;
    if (attempt === ATTEMPTS)
      throw new Error('It changes too often to add a key: nothing was written');
    holder = await read(pointer);
  }
}
