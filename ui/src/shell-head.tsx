import { useEffect, useState } from 'react';
import type { View } from './data/live-app.ts';
import { useApp } from './data/use-app.ts';
import { count } from './logic/format.ts';
import { IconButton } from './parts/button.tsx';
import { Kite } from './parts/icon.tsx';
import { AppStageChip } from './parts/status.tsx';
import { nextTheme, useTheme } from './parts/theme.ts';

const THEME_ICONS = { system: 'system', light: 'sun', dark: 'moon' } as const;
const MODES = { local: 'local', emulated: 'emulated', aws: 'AWS' } as const;

/** Which app this is, and how it does. */
export function ShellHead({ onHelp }: { readonly onHelp: () => void }) {
  const info = useApp(selectInfo);
  const stage = useApp(selectStage);
  return (
    <header className="side-head">
      <Kite size={34} />
      <div className="side-name">
        <h1 title={info?.info?.description}>{info?.info?.title ?? info?.name ?? 'Stormkite'}</h1>
        <div className="side-stage">
          {stage !== null && <AppStageChip stage={stage} />}
          {info?.mode !== undefined && <span className="tag">{MODES[info.mode]}</span>}
        </div>
      </div>
      <div className="phone-tools">
        <Tools onHelp={onHelp} />
      </div>
      <SpokenStage />
    </header>
  );
}

/** How fresh what is shown is, and choices of this browser. */
export function ShellFoot({ onHelp }: { readonly onHelp: () => void }) {
  const link = useApp(selectLink);
  const version = useApp(selectVersion);
  const info = useApp(selectInfo);
  return (
    <footer className="side-foot">
      <dl>
        <div>
          <dt>Version</dt>
          <dd className="number">{count(version)}</dd>
        </div>
        <div>
          <dt>Connection</dt>
          <dd>
            <span className={`link-dot ${link.state}`} aria-hidden="true" />
            {link.state === 'live' ? 'live' : link.state === 'lost' ? 'lost' : 'connecting'}
          </dd>
        </div>
      </dl>
      <div className="side-tools">
        <Tools onHelp={onHelp} />
        {info !== null && <span className="made">stormkite {info.stormkite}</span>}
      </div>
    </footer>
  );
}

function Tools({ onHelp }: { readonly onHelp: () => void }) {
  const theme = useTheme();
  return (
    <>
      <IconButton icon={THEME_ICONS[theme]} label={`Theme: ${theme}`} onClick={nextTheme} />
      <IconButton icon="help" label="Keyboard shortcuts and help" onClick={onHelp} />
    </>
  );
}

/** Tells screen readers when the app or the connection changes, not how it is at first. */
function SpokenStage() {
  const stage = useApp(selectStage);
  const link = useApp(selectLink).state;
  const [text, setText] = useState('');
  const [known, setKnown] = useState({ stage, link });
  useEffect(() => {
    if (known.stage === stage && known.link === link) return;
    if (known.stage !== null && stage !== known.stage) setText(`The app is ${stage ?? 'unknown'}`);
    else if (link === 'lost') setText('Disconnected from the app');
    else if (link === 'live' && known.link === 'lost') setText('Connected again');
    setKnown({ stage, link });
  }, [known, stage, link]);
  return (
    <p className="off-screen" role="status" aria-live="polite">
      {text}
    </p>
  );
}

const selectInfo = (view: View) => view.info;
const selectStage = (view: View) => view.stage;
const selectLink = (view: View) => view.link;
const selectVersion = (view: View) => view.version;
