import type { View } from './data/live-app.ts';
import { app, useApp } from './data/use-app.ts';
import { duration, moment } from './logic/format.ts';
import { Button } from './parts/button.tsx';
import { Icon, Kite } from './parts/icon.tsx';
import { useNow } from './parts/time.tsx';

/** Says so when what is shown is not what the app has. */
export function Banner() {
  const link = useApp(selectLink);
  const stage = useApp(selectStage);
  const hasState = useApp(selectHasState);
  if (!hasState) return null;
  if (link.state !== 'lost') return stage === 'stopped' || stage === 'failed' ? <Ended /> : null;
  if (stage === 'stopped' || stage === 'failed') return <Ended since={link.since} />;
  return (
    <div className="banner lost" role="alert">
      <Icon name="warning" />
      <p>
        <strong>Disconnected since {moment(link.since).slice(11)}.</strong> What you see is as it
        was then; it may have changed. Actions are off. <Retrying link={link} />
      </p>
      <Button icon="retry" onClick={() => app.retry()} disabled={link.nextAt === null}>
        Try now
      </Button>
    </div>
  );
}

function Ended({ since }: { readonly since?: number }) {
  const stage = useApp(selectStage);
  return (
    <div className={stage === 'failed' ? 'banner lost' : 'banner ended'} role="status">
      <Icon name={stage === 'failed' ? 'warning' : 'stop'} />
      <p>
        <strong>The app has {stage === 'failed' ? 'failed' : 'stopped'}.</strong> This is its last
        state{since === undefined ? '' : `, received ${moment(since)}`}. Nothing can be changed any
        more.
      </p>
    </div>
  );
}

function Retrying({ link }: { readonly link: Extract<View['link'], { state: 'lost' }> }) {
  const now = useNow();
  if (link.why === 'token')
    return <>The app wants a token: open the address that it printed when it started.</>;
  // Not for screen readers: they would be told every second.
  return (
    <span aria-hidden="true">
      {link.nextAt === null
        ? 'Trying …'
        : `Trying again in ${duration(Math.max(1_000, link.nextAt - now + 500))}.`}
    </span>
  );
}

/** Before anything was received. */
export function FirstConnection() {
  const link = useApp(selectLink);
  return (
    <div className="empty first">
      <Kite size={64} />
      {link.state === 'lost' ? (
        <>
          <h2>{link.why === 'token' ? 'This app needs a token' : 'The app does not answer'}</h2>
          <p>
            <Retrying link={link} />
          </p>
          <Button icon="retry" onClick={() => app.retry()}>
            Try now
          </Button>
        </>
      ) : (
        <p>Connecting …</p>
      )}
    </div>
  );
}

const selectLink = (view: View) => view.link;
const selectStage = (view: View) => view.stage;
const selectHasState = (view: View) => view.doc !== null;
