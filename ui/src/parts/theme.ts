/** Light, dark, or what the system says; remembered by this browser. */
import { useSyncExternalStore } from 'react';
import { recall, remember } from './memory.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

let theme = read();
const listeners = new Set<() => void>();
apply();

function read(): Theme {
  const known = recall('theme');
  return themes.find((each) => each === known) ?? 'system';
}

function apply(): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

export function nextTheme(): void {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system';
  remember('theme', theme);
  apply();
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => theme,
  );
}
