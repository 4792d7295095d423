import { background } from '../data/background.ts';
import { useState } from 'react';
import type { WorkStage } from '../../../runtime/protocol/events.ts';
import { ask, told } from '../data/server.ts';
import { useIsLive } from '../data/use-app.ts';
import { plural } from '../logic/format.ts';
import type { WorkRow } from '../logic/works.ts';
import { Button, IconButton } from '../parts/button.tsx';
import { Confirm } from '../parts/dialog.tsx';
import { notify } from '../parts/notices.tsx';
import { go } from '../parts/route.ts';

type Verb = 'start' | 'stop' | 'delete';

const DONE: Record<Verb, string> = {
  start: 'is starting',
  stop: 'is stopping',
  delete: 'is deleted',
};
const CAN_START = new Set<WorkStage>(['not_started', 'stopped', 'failed']);

/** Start, stop and delete; what ends something asks first and says what that means. */
export function WorkActions({ row }: { readonly row: WorkRow }) {
  const isLive = useIsLive();
  const [asked, setAsked] = useState<Verb | null>(null);
  const [isBusy, setBusy] = useState(false);
  const canStart = CAN_START.has(row.status.stage);
  const send = async (verb: Verb): Promise<void> => {
    setBusy(true);
    try {
      await ask(`works/${encodeURIComponent(row.name)}/${verb}`, { method: 'POST' });
      notify(`${row.name} ${DONE[verb]}`);
      if (verb === 'delete') go('works');
    } catch (error) {
      notify(`${row.name} was not changed: ${told(error)}`, 'failed');
    } finally {
      setBusy(false);
      setAsked(null);
    }
  };
  const isOff = !isLive || isBusy;
  return (
    <div className="actions">
      {canStart ? (
        <Button
          icon="play"
          look="primary"
          disabled={isOff}
          onClick={() => background(send('start'), 'starting a work')}
        >
          Start
        </Button>
      ) : (
        <Button
          icon="stop"
          disabled={isOff || row.status.stage === 'stopped'}
          onClick={() => setAsked('stop')}
        >
          Stop
        </Button>
      )}
      <IconButton
        icon="trash"
        label="Delete"
        className="danger"
        disabled={isOff}
        onClick={() => setAsked('delete')}
      />
      {asked !== null && asked !== 'start' && (
        <Confirm
          title={`${asked === 'stop' ? 'Stop' : 'Delete'} ${row.name}?`}
          verb={asked === 'stop' ? 'Stop it' : 'Delete it'}
          isDanger={asked === 'delete'}
          isBusy={isBusy}
          onClose={() => setAsked(null)}
          onConfirm={() => background(send(asked), 'a command')}
        >
          <Consequences verb={asked} row={row} />
        </Confirm>
      )}
    </div>
  );
}

function Consequences({ verb, row }: { readonly verb: 'stop' | 'delete'; readonly row: WorkRow }) {
  const { stage } = row.status;
  const isUp = stage === 'running' || stage === 'started' || stage === 'pending';
  return (
    <ul className="consequences">
      {stage === 'running' && <li>The call that is running ends now, unfinished.</li>}
      {row.waiting > 0 && <li>{plural(row.waiting, 'waiting call')} will not be made.</li>}
      {isUp && <li>Its process ends, and hardware of its own is released.</li>}
      {verb === 'delete' ? (
        <>
          <li>It leaves the app for good, with its fields and its history of calls.</li>
          <li>A flow that still uses it will fail with WORK_DELETED.</li>
        </>
      ) : (
        <li>It can be started again; its fields stay as they are.</li>
      )}
    </ul>
  );
}
