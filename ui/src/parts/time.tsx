/** Times that go on by themselves; one clock for all of them. */
import { useSyncExternalStore } from 'react';
import type { View } from '../data/live-app.ts';
import { useApp } from '../data/use-app.ts';
import { duration, moment } from '../logic/format.ts';

const TICK_MS = 1_000;

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Epoch milliseconds, by the second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** The time up to which the page knows the app: it stands still while the connection is lost. */
export function useKnownNow(): number {
  const link = useApp(selectLink);
  const time = useNow();
  return link.state === 'lost' ? link.since : time;
}

const selectLink = (view: View) => view.link;

/** How long ago something was, as far as the page knows. */
export function Since({ at }: { readonly at: number }) {
  const passed = useKnownNow() - at;
  return (
    <time dateTime={new Date(at).toISOString()} title={moment(at)}>
      {passed < TICK_MS ? 'now' : duration(passed)}
    </time>
  );
}
