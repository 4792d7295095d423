import { useCallback, useSyncExternalStore } from 'react';
import { LiveApp, type View } from './live-app.ts';

/** The app that served this page. */
export const app = new LiveApp();

/** A part of the view; draws again when it is another value. `select` must be the same function each time. */
export function useApp<T>(select: (view: View) => T): T {
  return useSyncExternalStore(
    app.subscribe,
    useCallback(() => select(app.view), [select]),
  );
}

/** Whether what is shown is what the app has, so that acting on it makes sense. */
export function useIsLive(): boolean {
  return useApp(selectIsLive);
}

const selectIsLive = ({ link, stage }: View): boolean =>
  link.state === 'live' && stage !== 'stopped' && stage !== 'failed';
