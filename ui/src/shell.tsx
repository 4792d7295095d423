import { useEffect, useRef, useState } from 'react';
import { Banner, FirstConnection } from './banner.tsx';
import type { View } from './data/live-app.ts';
import { useApp } from './data/use-app.ts';
import { count } from './logic/format.ts';
import { pages, type Page } from './logic/route.ts';
import { AppPage } from './pages/app-page.tsx';
import { CommandsPage } from './pages/commands-page.tsx';
import { LogsPage } from './pages/logs-page.tsx';
import { StatePage } from './pages/state-page.tsx';
import { TimelinePage } from './pages/timeline-page.tsx';
import { WorksPage } from './pages/works-page.tsx';
import { Icon } from './parts/icon.tsx';
import { Notices } from './parts/notices.tsx';
import { hrefOf, useRoute } from './parts/route.ts';
import { ShellHead, ShellFoot } from './shell-head.tsx';
import { HelpDialog, useShortcuts } from './shortcuts.tsx';

const TITLES: Record<Page, string> = {
  app: 'App',
  works: 'Works',
  state: 'State',
  timeline: 'Timeline',
  logs: 'Logs',
  commands: 'Commands',
};

const PAGES: Record<
  Exclude<Page, 'app'>,
  (props: { readonly item: string | null }) => React.ReactNode
> = {
  works: WorksPage,
  state: StatePage,
  timeline: TimelinePage,
  logs: LogsPage,
  commands: CommandsPage,
};

/** Everything: what is on every page, and the page that the URL names. */
export function Shell() {
  const route = useRoute();
  const tabs = useApp(selectTabs);
  const hasState = useApp(selectHasState);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  useShortcuts(() => setHelpOpen(true));
  // Without a layout there is nothing to open the app with.
  const page = route?.page ?? (tabs !== null && tabs.length === 0 ? 'works' : 'app');
  const item = route?.item ?? null;
  useTitle(page);
  const Current = page === 'app' ? null : PAGES[page];
  return (
    <div className="shell">
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <ShellHead onHelp={() => setHelpOpen(true)} />
      <nav className="side-nav" aria-label="Pages">
        <ul>
          {pages.map((each) => (
            <li key={each}>
              <a href={hrefOf(each)} aria-current={each === page ? 'page' : undefined}>
                <Icon name={each} />
                <span>{TITLES[each]}</span>
                {each === 'works' && <WorkCount />}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <ShellFoot onHelp={() => setHelpOpen(true)} />
      <main ref={main} tabIndex={-1} aria-label={TITLES[page]}>
        <Banner />
        {hasState ? (
          <>
            <AppPage item={page === 'app' ? item : null} isShown={page === 'app'} />
            {Current !== null && <Current item={item} />}
          </>
        ) : (
          <FirstConnection />
        )}
      </main>
      <Notices />
      {isHelpOpen && <HelpDialog onClose={() => setHelpOpen(false)} />}
    </div>
  );
}

function WorkCount() {
  const works = useApp(selectWorks);
  const failed = works.filter(({ status }) => status.stage === 'failed').length;
  if (works.length === 0) return null;
  return (
    <span className={failed > 0 ? 'nav-count bad' : 'nav-count'}>
      {count(failed > 0 ? failed : works.length)}
      <span className="off-screen">{failed > 0 ? ' failed' : ' in all'}</span>
    </span>
  );
}

function useTitle(page: Page): void {
  const name = useApp(selectName);
  useEffect(() => {
    document.title = name === null ? 'Stormkite' : `${TITLES[page]} · ${name} · Stormkite`;
  }, [page, name]);
}

const selectTabs = (view: View) => view.tabs;
const selectHasState = (view: View) => view.doc !== null;
const selectWorks = (view: View) => view.works;
const selectName = (view: View) => view.info?.name ?? null;
