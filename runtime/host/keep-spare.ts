import type { LocalBackend } from '../backends/local/local-backend.ts';
import type { App } from '../component/app.ts';
import { metaOf } from '../component/meta.ts';
import { isFlow, withBelow, worksBelow } from '../component/tree.ts';
import type { Clock } from '../ports/clock.ts';

/** A spare process waits this long for the first work to be up: both want the processor. */
const SPARE_WAIT_MS = 2_000;

/** Keeps a booted process ready in an app that may attach works, once its first work is up; gives what ends the waiting. */
export function keepSpare(app: App, backend: LocalBackend, clock: Clock): () => void {
  if (!mayAttach(app)) return () => undefined;
  const start = (): void => {
    end();
    backend.wantSpare(true);
  };
  const timer = clock.after(worksBelow(app.flow).length === 0 ? 0 : SPARE_WAIT_MS, start);
  const unsubscribe = backend.launcher.subscribe(({ state }) => {
    if (state === 'running') start();
  });
  const end = (): void => {
    timer.cancel();
    unsubscribe();
  };
  return end;
}

/** Whether some flow has a place for works that are not there yet. */
function mayAttach(app: App): boolean {
  return [...withBelow(app.flow)].some((each) => {
    const { kind, optionalFields } = metaOf(each);
    return kind === 'dict' || kind === 'list' || (isFlow(each) && optionalFields.size > 0);
  });
}
