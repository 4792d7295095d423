import { useMemo } from 'react';
import type { View } from '../data/live-app.ts';
import { useApp } from '../data/use-app.ts';
import { go } from '../parts/route.ts';
import { LogView } from './log-view.tsx';

/** Everything that the flow and the works print; of one of them when the URL names it. */
export function LogsPage({ item }: { readonly item: string | null }) {
  const works = useApp(selectWorks);
  const sources = useMemo(() => {
    const names = ['flow', ...works.map(({ name }) => name)];
    return item === null || names.includes(item) ? names : [...names, item];
  }, [works, item]);
  return (
    <section className="logs-page" aria-label="Logs">
      <LogView
        key={item ?? ''}
        source={item}
        lead={
          <>
            <h2>Logs</h2>
            <select
              aria-label="Whose lines"
              value={item ?? ''}
              onChange={({ target }) => go('logs', target.value === '' ? null : target.value)}
            >
              <option value="">flow and all works</option>
              {sources.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </>
        }
      />
    </section>
  );
}

const selectWorks = (view: View) => view.works;
