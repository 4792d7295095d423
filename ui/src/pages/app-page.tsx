/**
 * The tabs of the app's layout.
 *
 * A1 A tab that was opened stays as it is while others are looked at, and while other pages of the dashboard are: its frame is
 *    hidden, never removed, as long as the layout has it.
 */
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import type { LayoutTabView } from '../data/contract.ts';
import type { View } from '../data/live-app.ts';
import { useApp } from '../data/use-app.ts';
import { Icon } from '../parts/icon.tsx';
import { go, hrefOf } from '../parts/route.ts';
import { TabFrame, urlOfTab } from './tab-frame.tsx';

export function AppPage({
  item,
  isShown,
}: {
  readonly item: string | null;
  readonly isShown: boolean;
}) {
  const tabs = useApp(selectTabs);
  const chosen = useChosen(tabs ?? [], item);
  const opened = useOpened(tabs ?? [], isShown ? chosen : null);
  if (tabs === null) return isShown ? <p className="empty">Reading the layout …</p> : null;
  if (tabs.length === 0) return isShown ? <NoLayout /> : null;
  const current = tabs.find((tab) => tab.name === chosen);
  const url = current === undefined ? null : urlOfTab(current);
  return (
    <section className="app-page" hidden={!isShown} aria-label="Tabs of the app">
      <div className="tab-bar">
        <TabList tabs={tabs} chosen={chosen} />
        {url !== null && (
          <a className="icon-button" href={url} target="_blank" rel="noopener noreferrer">
            <Icon name="open" />
            <span className="off-screen">Open {chosen} in a new browser tab</span>
          </a>
        )}
      </div>
      {tabs.map((tab, index) =>
        opened.has(tab.name) ? (
          <TabFrame key={tab.name} tab={tab} index={index} isShown={tab.name === chosen} />
        ) : null,
      )}
    </section>
  );
}

function TabList({
  tabs,
  chosen,
}: {
  readonly tabs: readonly LayoutTabView[];
  readonly chosen: string | null;
}) {
  const list = useRef<HTMLDivElement>(null);
  const moved = (event: KeyboardEvent): void => {
    const index = tabs.findIndex(({ name }) => name === chosen);
    const targets: Record<string, number> = {
      ArrowRight: (index + 1) % tabs.length,
      ArrowLeft: (index - 1 + tabs.length) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const target = targets[event.key];
    const tab = target === undefined ? undefined : tabs[target];
    if (tab === undefined || target === undefined) return;
    event.preventDefault();
    go('app', tab.name);
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[target]?.focus();
  };
  return (
    <div ref={list} role="tablist" aria-label="Layout" className="tabs" onKeyDown={moved}>
      {tabs.map(({ name, ready, error }, index) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${index}`}
          aria-controls={`tab-panel-${index}`}
          aria-selected={name === chosen}
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => go('app', name)}
        >
          {name}
          {error !== undefined ? (
            <span className="tab-wait bad" title="Cannot be shown" />
          ) : (
            !ready && <span className="tab-wait" title="Not ready yet" />
          )}
        </button>
      ))}
    </div>
  );
}

/** The tab of the URL, else the last one looked at, else the first. */
function useChosen(tabs: readonly LayoutTabView[], item: string | null): string | null {
  const last = useRef<string | null>(null);
  const has = (name: string | null): boolean => tabs.some((tab) => tab.name === name);
  const chosen = has(item) ? item : has(last.current) ? last.current : (tabs[0]?.name ?? null);
  useEffect(() => {
    last.current = chosen;
  }, [chosen]);
  return chosen;
}

/** Names of the tabs that were looked at. */
function useOpened(tabs: readonly LayoutTabView[], shown: string | null): ReadonlySet<string> {
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (shown !== null)
      setOpened((known) => (known.has(shown) ? known : new Set([...known, shown])));
  }, [shown]);
  const names = new Set(tabs.map(({ name }) => name));
  return new Set([...opened].filter((name) => names.has(name)));
}

function NoLayout() {
  return (
    <div className="empty">
      <Icon name="app" />
      <h2>This app shows no pages of its own</h2>
      <p>
        A flow that has <code>configureLayout()</code> shows them here. Meanwhile, see its{' '}
        <a href={hrefOf('works')}>works</a> and its <a href={hrefOf('state')}>state</a>.
      </p>
    </div>
  );
}

const selectTabs = (view: View) => view.tabs;
