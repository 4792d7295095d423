/**
 * Tells whether the code that an interrupt landed in was in the middle of changing tracked state.
 *
 * A poke runs at any function entry or loop edge of the main thread. Draining between a change's announcement and the change
 * itself would lose it (see `state/cell.ts`, C2 and C4), so a poke that lands there does nothing and is repeated.
 */
import { fileURLToPath } from 'node:url';

/** Folder of the code that changes state; a loader names modules on the stack by URL or by path. */
const STATE_URL = new URL('../state/', import.meta.url);
const STATE_FOLDERS = [STATE_URL.href, fileURLToPath(STATE_URL)];

/** Frames looked at. State code is near the top: all it calls of others is a comparator or a debugger. */
const MAX_FRAMES = 50;

export function isChangingState(): boolean {
  const { stackTraceLimit } = Error;
  const prepareStackTrace: unknown = Reflect.get(Error, 'prepareStackTrace');
  let inside = false;
  try {
    Error.stackTraceLimit = MAX_FRAMES;
    Error.prepareStackTrace = (_error, frames) => {
      inside = frames.some((frame) => isStateModule(frame.getFileName() ?? ''));
      return '';
    };
    // Reading `stack` is what makes V8 call the function above.
    const text = new Error('where').stack;
    return inside && text === '';
  } finally {
    Reflect.set(Error, 'prepareStackTrace', prepareStackTrace);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function isStateModule(name: string): boolean {
  return STATE_FOLDERS.some((folder) => name.startsWith(folder));
}
