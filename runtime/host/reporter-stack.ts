/**
 * Tells whether the code that an interrupt landed in was in the middle of changing tracked state.
 *
 * A poke runs at any function entry or loop edge of the main thread. Draining between a change's announcement and the change
 * itself would lose it (see `state/cell.ts`, C2 and C4), so a poke that lands there does nothing and is repeated.
 */

/** Folder of the code that changes state; modules in it are named by URL on the stack. */
const STATE_FOLDER = new URL('../state/', import.meta.url).href;

/** Frames looked at. State code is near the top: all it calls of others is a comparator or a debugger. */
const MAX_FRAMES = 50;

export function isChangingState(): boolean {
  const { prepareStackTrace, stackTraceLimit } = Error;
  let inside = false;
  try {
    Error.stackTraceLimit = MAX_FRAMES;
    Error.prepareStackTrace = (_error, frames) => {
      inside = frames.some((frame) => frame.getFileName()?.startsWith(STATE_FOLDER) === true);
      return '';
    };
    // Reading `stack` is what makes V8 call the function above.
    const text = new Error('where').stack;
    return inside && text === '';
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}
