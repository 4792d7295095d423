import { background } from '../data/background.ts';
import { useEffect, useState } from 'react';
import type { LayoutTabView } from '../data/contract.ts';
import { root } from '../data/server.ts';
import { sentence } from '../logic/format.ts';
import { frameAccess } from '../logic/frame-access.ts';
import { Button } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { hrefOf } from '../parts/route.ts';

/** After it, a page that has not loaded is said to be slow. */
const SLOW_MS = 8_000;

/** The address of a tab, if it is one that a page may be opened at. */
export function urlOfTab({ url, kind }: LayoutTabView): string | null {
  if (kind === 'empty' || url === '' || !URL.canParse(url, root.href)) return null;
  const parsed = new URL(url, root);
  return parsed.protocol === 'http:' || parsed.protocol === 'https:' ? parsed.href : null;
}

type Loading = 'asking' | 'loading' | 'slow' | 'shown' | { readonly failed: string };

export function TabFrame({
  tab,
  index,
  isShown,
}: {
  readonly tab: LayoutTabView;
  readonly index: number;
  readonly isShown: boolean;
}) {
  const [attempt, setAttempt] = useState(0);
  const url = urlOfTab(tab);
  const canShow = tab.ready && url !== null;
  const [state, setState] = useLoading(canShow ? url : null, attempt);
  const isFailed = typeof state === 'object';
  return (
    <div
      role="tabpanel"
      id={`tab-panel-${index}`}
      aria-labelledby={`tab-${index}`}
      className="tab-panel"
      hidden={!isShown}
    >
      {canShow && state !== 'asking' && !isFailed && (
        <iframe
          key={attempt}
          src={url}
          title={tab.name}
          allow={frameAccess(url, location.origin)}
          onLoad={() => setState('shown')}
        />
      )}
      {!canShow && <Waiting tab={tab} />}
      {canShow && state !== 'shown' && (
        <div className="tab-cover" role="status">
          {isFailed ? (
            <div className="empty">
              <Icon name="warning" />
              <h2>{tab.name} could not be loaded</h2>
              <p>{state.failed}</p>
              <div className="actions">
                <Button icon="retry" look="primary" onClick={() => setAttempt((n) => n + 1)}>
                  Try again
                </Button>
                <a className="button plain" href={url} target="_blank" rel="noopener noreferrer">
                  <Icon name="open" />
                  Open in a new tab
                </a>
              </div>
            </div>
          ) : (
            <p className="empty">
              {state === 'slow' ? 'Still loading; the page may be starting up …' : 'Loading …'}
            </p>
          )}
        </div>
      )}
    </div>
  );
}

/** Why there is nothing to load, and where to look. */
function Waiting({
  tab: { name, kind, path, message, log, error },
}: {
  readonly tab: LayoutTabView;
}) {
  const links = (
    <p className="actions">
      {kind === 'work' && <a href={hrefOf('works', path)}>See the work</a>}
      {log !== undefined && <a href={hrefOf('logs', log)}>See its log</a>}
    </p>
  );
  if (error !== undefined)
    return (
      <div className="empty bad">
        <Icon name="warning" />
        <h2>{name} cannot be shown</h2>
        <p>{error.message}.</p>
        {error.hint !== undefined && <p>{sentence(error.hint)}.</p>}
        {links}
      </div>
    );
  return (
    <div className="empty">
      <Icon name="app" />
      <h2>{kind === 'empty' ? `${name} has no page now` : `${name} is not ready yet`}</h2>
      <p>
        {kind === 'empty'
          ? 'It appears by itself when the app’s layout has something here.'
          : `It is shown as soon as it answers${message === undefined ? '' : `: ${message}`}.`}
      </p>
      {links}
    </div>
  );
}

/** A frame does not tell whether its page is an error, so our own addresses are asked first. */
function useLoading(url: string | null, attempt: number): [Loading, (state: Loading) => void] {
  const [state, setState] = useState<Loading>('asking');
  useEffect(() => {
    if (url === null) return undefined;
    setState('asking');
    const ended = new AbortController();
    const slow = setTimeout(
      () => setState((known) => (known === 'loading' || known === 'asking' ? 'slow' : known)),
      SLOW_MS,
    );
    const look = async (): Promise<void> => {
      const problem = await problemOf(url, ended.signal);
      if (!ended.signal.aborted) setState(problem === null ? 'loading' : { failed: problem });
    };
    background(look(), 'looking at a tab');
    return () => {
      ended.abort();
      clearTimeout(slow);
    };
  }, [url, attempt]);
  return [state, setState];
}

async function problemOf(url: string, signal: AbortSignal): Promise<string | null> {
  if (new URL(url).origin !== location.origin) return null;
  // The answer's body is not wanted: reading it here would load the page twice.
  const enough = new AbortController();
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, enough.signal]) });
    return response.ok ? null : await answerOf(response);
  } catch {
    return 'It does not answer.';
  } finally {
    enough.abort();
  }
}

async function answerOf(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { message?: unknown; hint?: unknown };
    if (typeof body.message === 'string')
      return typeof body.hint === 'string' ? `${body.message}: ${body.hint}.` : `${body.message}.`;
  } catch {
    // Some page of its own.
  }
  return `It answered with status ${response.status}.`;
}
