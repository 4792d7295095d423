/**
 * React hooks for the state of a running app.
 *
 * @module
 */
import { useCallback, useMemo, useRef, useEffect, useSyncExternalStore } from 'react';
import type { AppClient } from './app-client.ts';
import type { ConnectionState } from './connection.ts';
import { isSameValue } from './selection.ts';
import type { AppLike, SnapshotOf } from './state-of.ts';
import type { Json } from '../state/json.ts';

/**
 * The part of an app's committed state that a function selects, or that is at a JSON Pointer; renders again when it changes.
 *
 * Until the state has arrived the component is suspended (`<Suspense>`); when the app refuses this client, the error is thrown
 * (error boundary). A selector may be written inline and may make new objects: a result that equals the one before is that one.
 *
 * @example
 * ```tsx
 * const app = connect<typeof import('./app.ts').default>();
 * const Loss = () => <b>{useAppState(app, (state) => state.train.loss)}</b>;
 * ```
 */
export function useAppState<A extends AppLike, T>(
  app: AppClient<A>,
  select: (state: SnapshotOf<A>) => T,
): T;
export function useAppState<A extends AppLike>(
  app: AppClient<A>,
  pointer: string,
): Json | undefined;
export function useAppState<A extends AppLike, T>(
  app: AppClient<A>,
  source: string | ((state: SnapshotOf<A>) => T),
): T | Json | undefined {
  // oxlint-disable-next-line typescript/only-throw-error -- how a component suspends in every React since 16
  if (!app.isReady) throw arrivalOf(app);
  const shown = useRef<{ readonly value: T | Json | undefined } | null>(null);
  const read = useMemo(() => {
    let last: { readonly snapshot: unknown; readonly value: T | Json | undefined } | null = null;
    return () => {
      const snapshot = app.snapshot();
      if (last?.snapshot === snapshot) return last.value;
      const found = typeof source === 'string' ? app.snapshot(source) : source(snapshot);
      const before = last ?? shown.current;
      const value = before !== null && isSameValue(before.value, found) ? before.value : found;
      last = { snapshot, value };
      return value;
    };
  }, [app, source]);
  const subscribe = useCallback((changed: () => void) => app.listenToSnapshots(changed), [app]);
  const value = useSyncExternalStore(subscribe, read, read);
  useEffect(() => {
    shown.current = { value };
  }, [value]);
  return value;
}

/** Whether the state of an app is up to date: for a banner. Never suspends. */
export function useConnection<A extends AppLike>(app: AppClient<A>): ConnectionState {
  const { connection } = app;
  const subscribe = useCallback(
    (changed: () => void) => connection.subscribe(changed),
    [connection],
  );
  const read = useCallback(() => connection.current, [connection]);
  return useSyncExternalStore(subscribe, read, read);
}

/** What a component throws that cannot render yet: the promise to wait for, or why there is nothing to wait for. */
function arrivalOf<A extends AppLike>(app: AppClient<A>): Promise<void> | Error {
  const { status, error, retryAt } = app.connection.current;
  return status === 'offline' && retryAt === null && error !== null ? error : app.ready();
}
