/** The thread that watches turns; see `turn-watch.ts`. */
import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';
import { ANSWER, ASLEEP, RELEASE_NAME, TURN, type TurnWatchStart } from './turn-watch-cells.ts';

/** How long the main thread may take to answer, and an interrupt to be taken. */
const ANSWER_MS = 1_000;
const STDERR = 2;
const EXPRESSION = `globalThis[Symbol.for(${JSON.stringify(RELEASE_NAME)})]?.()`;

const { cells, limitMs } = workerData as TurnWatchStart;

for (;;) {
  const turn = Atomics.load(cells, TURN);
  if (turn % 2 === 0) sleepUntilTurn(turn);
  else if (Atomics.wait(cells, TURN, turn, limitMs) === 'timed-out' && !answers(turn)) {
    await release();
    // Said once for this turn.
    Atomics.wait(cells, TURN, turn);
  }
}

function sleepUntilTurn(turn: number): void {
  Atomics.store(cells, ASLEEP, 1);
  Atomics.wait(cells, TURN, turn);
  Atomics.store(cells, ASLEEP, 0);
}

/** Whether the main thread still hears messages. */
function answers(turn: number): boolean {
  parentPort?.postMessage(turn);
  const before = Atomics.load(cells, ANSWER);
  if (before !== turn) Atomics.wait(cells, ANSWER, before, ANSWER_MS);
  return Atomics.load(cells, ANSWER) === turn;
}

/** Interrupts the main thread; native code that blocks cannot be interrupted. */
async function release(): Promise<void> {
  const session = new Session();
  session.connectToMainThread();
  const isReleased = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_MS);
    session.post('Runtime.evaluate', { expression: EXPRESSION, silent: true }, (error) => {
      clearTimeout(timer);
      resolve(error === null);
    });
  });
  session.disconnect();
  if (!isReleased) return;
  writeSync(
    STDERR,
    `the flow has not yielded for ${Math.round(limitMs / 1_000)} s; Ctrl-C ends it at once now, its works end with it, --resume goes on\n`,
  );
}
