import { useEffect, useState } from 'react';
import type { Command } from '../data/contract.ts';
import type { View } from '../data/live-app.ts';
import { askJson, told } from '../data/server.ts';
import { useApp } from '../data/use-app.ts';
import { Icon } from '../parts/icon.tsx';
import { hrefOf } from '../parts/route.ts';
import { CommandForm } from './command-form.tsx';

type Commands =
  | { readonly state: 'reading' }
  | { readonly state: 'known'; readonly commands: readonly Command[] }
  | { readonly state: 'failed'; readonly problem: string };

/** The commands that the app offers; a form for the one that the URL names. */
export function CommandsPage({ item }: { readonly item: string | null }) {
  const commands = useCommands();
  const all = commands.state === 'known' ? commands.commands : [];
  const chosen = all.find(({ name }) => name === item) ?? all[0];
  return (
    <section className="commands-page" aria-label="Commands">
      <div className="bar">
        <h2>Commands</h2>
      </div>
      {commands.state === 'reading' && <p className="empty">Reading …</p>}
      {commands.state === 'failed' && <p className="empty">{commands.problem}</p>}
      {commands.state === 'known' && chosen === undefined && (
        <div className="empty">
          <Icon name="commands" />
          <h2>This app has no commands</h2>
          <p>
            A flow that has <code>configureCommands()</code> offers them here, and as{' '}
            <code>stormkite command</code> in a terminal.
          </p>
        </div>
      )}
      {chosen !== undefined && (
        <div className="commands-body">
          <nav aria-label="Commands" className="command-list">
            <ul>
              {all.map(({ name, description }) => (
                <li key={name}>
                  <a
                    href={hrefOf('commands', name)}
                    aria-current={name === chosen.name ? 'true' : undefined}
                  >
                    <span className="mono">{name}</span>
                    <span className="quiet">{description}</span>
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <CommandForm key={chosen.name} command={chosen} />
        </div>
      )}
    </section>
  );
}

function useCommands(): Commands {
  const link = useApp(selectLinkState);
  const [commands, setCommands] = useState<Commands>({ state: 'reading' });
  useEffect(() => {
    if (link !== 'live') return undefined;
    const ended = new AbortController();
    askJson<readonly Command[]>('commands', { signal: ended.signal }).then(
      (answer) => setCommands({ state: 'known', commands: answer }),
      (error: unknown) => {
        if (!ended.signal.aborted) setCommands({ state: 'failed', problem: told(error) });
      },
    );
    return () => ended.abort();
  }, [link]);
  return commands;
}

const selectLinkState = (view: View) => view.link.state;
