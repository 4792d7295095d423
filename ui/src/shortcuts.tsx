import { useEffect, useRef, useState } from 'react';
import type { Page } from './logic/route.ts';
import { Dialog } from './parts/dialog.tsx';
import { recall, remember } from './parts/memory.ts';
import { go } from './parts/route.ts';
import { nextTheme } from './parts/theme.ts';

const PAGE_KEYS: Readonly<Record<string, Page>> = {
  a: 'app',
  w: 'works',
  s: 'state',
  t: 'timeline',
  l: 'logs',
  c: 'commands',
};
/** How long `g` waits for the letter of a page. */
const SEQUENCE_MS = 1_200;
const MEMORY = 'shortcuts';

/** Single keys can be in the way of speech input, so they can be switched off (WCAG 2.1.4). */
function areOn(): boolean {
  return recall(MEMORY) !== 'off';
}

export function useShortcuts(onHelp: () => void): void {
  const help = useRef(onHelp);
  help.current = onHelp;
  useEffect(() => {
    let startedAt = 0;
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
      if (!areOn()) return undefined;
      if (event.key === '?') return help.current();
      const page = event.timeStamp - startedAt < SEQUENCE_MS ? PAGE_KEYS[event.key] : undefined;
      startedAt = event.key === 'g' ? event.timeStamp : 0;
      if (page !== undefined) {
        go(page);
        document.querySelector<HTMLElement>('main')?.focus();
      } else if (event.key === '/') {
        document.querySelector<HTMLElement>('main [data-search]')?.focus();
      } else if (event.key === 'd') nextTheme();
      else return undefined;
      return event.preventDefault();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName))
  );
}

const HELP: readonly (readonly [keys: string, what: string])[] = [
  ['g a', 'App'],
  ['g w', 'Works'],
  ['g s', 'State'],
  ['g t', 'Timeline'],
  ['g l', 'Logs'],
  ['g c', 'Commands'],
  ['/', 'Search on this page'],
  ['d', 'Light, dark, or as the system'],
  ['?', 'This help'],
];
const IN_LISTS: readonly (readonly [keys: string, what: string])[] = [
  ['↑ ↓', 'Move'],
  ['→ ←', 'Open, close (state)'],
  ['Enter', 'Open a work, edit a value'],
  ['F2', 'Edit (state)'],
  ['Insert +', 'Add a key or an item (state)'],
  ['Delete', 'Remove (state)'],
  ['Home End', 'First, last'],
  ['Esc', 'Close'],
];

export function HelpDialog({ onClose }: { readonly onClose: () => void }) {
  const [isOn, setOn] = useState(areOn);
  return (
    <Dialog title="Keyboard" onClose={onClose} className="help">
      <div className="help-columns">
        <KeyTable caption="Anywhere" rows={HELP} />
        <KeyTable caption="In lists and the state tree" rows={IN_LISTS} />
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={isOn}
          onChange={({ target }) => {
            remember(MEMORY, target.checked ? 'on' : 'off');
            setOn(target.checked);
          }}
        />
        Single-key shortcuts
      </label>
    </Dialog>
  );
}

function KeyTable({
  caption,
  rows,
}: {
  readonly caption: string;
  readonly rows: readonly (readonly [string, string])[];
}) {
  return (
    <table className="keys">
      <caption>{caption}</caption>
      <tbody>
        {rows.map(([keys, what]) => (
          <tr key={keys}>
            <th scope="row">
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </th>
            <td>{what}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
