/** Short messages about what a person did: shown for a while, and told by screen readers. */
import { useSyncExternalStore } from 'react';
import { IconButton } from './button.tsx';

const SHOWN_MS = 6_000;
/** Failures stay long enough to be read whole. */
const FAILURE_MS = 15_000;

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly look: 'done' | 'failed';
}

let notices: readonly Notice[] = [];
let ids = 0;
const listeners = new Set<() => void>();

export function notify(text: string, look: Notice['look'] = 'done'): void {
  const id = (ids += 1);
  set([...notices.slice(-2), { id, text, look }]);
  setTimeout(() => dismiss(id), look === 'done' ? SHOWN_MS : FAILURE_MS);
}

function dismiss(id: number): void {
  set(notices.filter((notice) => notice.id !== id));
}

function set(next: readonly Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function Notices() {
  const shown = useSyncExternalStore(subscribe, () => notices);
  return (
    <div className="notices" role="status" aria-live="polite">
      {shown.map(({ id, text, look }) => (
        <div key={id} className={`notice ${look}`}>
          <span>{text}</span>
          <IconButton icon="close" label="Dismiss" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
