import { background } from '../data/background.ts';
import { useEffect, useState } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import type { View } from '../data/live-app.ts';
import { change, read, told, type Tagged } from '../data/server.ts';
import { useApp, useIsLive } from '../data/use-app.ts';
import { preview } from '../logic/format.ts';
import { valueAt } from '../logic/pointer.ts';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { notify } from '../parts/notices.tsx';
import { draftOf, kindsFor, valueOf, ValueEditor, type ValueDraft } from './value-editor.tsx';

type Phase =
  | { readonly at: 'reading' }
  | { readonly at: 'editing'; readonly base: Tagged }
  | { readonly at: 'conflict'; readonly theirs: Tagged; readonly mine: Json }
  | { readonly at: 'gone' };

/** Edits one value; when it changed meanwhile, shows both and lets the person choose. */
export function EditDialog({
  pointer,
  onClose,
}: {
  readonly pointer: string;
  readonly onClose: () => void;
}) {
  const isLive = useIsLive();
  const [phase, setPhase] = useState<Phase>({ at: 'reading' });
  const [draft, setDraft] = useState<ValueDraft>({ kind: 'json', text: '' });
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);

  useEffect(() => {
    let isOver = false;
    read(pointer).then(
      (base) => {
        if (isOver) return;
        if (base.value === undefined) return setPhase({ at: 'gone' });
        setDraft(draftOf(base.value));
        setPhase({ at: 'editing', base });
      },
      (error: unknown) => {
        if (isOver) return;
        notify(told(error), 'failed');
        onClose();
      },
    );
    return () => {
      isOver = true;
    };
    // Read once: what is being edited must not change under the person's hands.
  }, [pointer]);

  const save = async (value: Json, etag: string | null): Promise<void> => {
    if (isBusy || !isLive) return;
    setBusy(true);
    setProblem('');
    try {
      const conflict = await change([{ op: 'replace', path: pointer, value }], etag);
      if (conflict === null) {
        notify(`${pointer} is ${preview(value, 40)} now`);
        onClose();
      } else if (conflict.theirs.value === undefined) setPhase({ at: 'gone' });
      else setPhase({ at: 'conflict', theirs: conflict.theirs, mine: value });
    } catch (error) {
      setProblem(told(error));
    } finally {
      setBusy(false);
    }
  };
  const submit = (etag: string | null): void => {
    const value = valueOf(draft);
    if (value === undefined)
      setProblem(draft.kind === 'number' ? 'That is no number.' : 'That is not JSON.');
    else background(save(value, etag), 'saving');
  };

  if (phase.at === 'reading') return null;
  if (phase.at === 'gone')
    return (
      <Dialog
        title="It is gone"
        onClose={onClose}
        actions={<Button onClick={onClose}>Close</Button>}
      >
        <p className="mono">{pointer}</p>
        <p>Somebody removed it meanwhile. Nothing was written.</p>
      </Dialog>
    );
  if (phase.at === 'conflict') {
    const { theirs, mine } = phase;
    return (
      <Dialog
        key="conflict"
        title="It changed meanwhile"
        onClose={onClose}
        className="conflict"
        actions={
          <>
            <Button onClick={onClose}>Take theirs</Button>
            <Button
              onClick={() => {
                setDraft(draftOf(mine));
                setPhase({ at: 'editing', base: theirs });
              }}
            >
              Edit again
            </Button>
            <Button
              look="primary"
              disabled={isBusy || !isLive}
              onClick={() => background(save(mine, theirs.etag), 'saving')}
            >
              Keep mine
            </Button>
          </>
        }
      >
        <p>
          <span className="mono">{pointer}</span> was changed while you edited it, so nothing was
          written.
        </p>
        <div className="versions">
          <Version title="Theirs, as it is now" value={theirs.value ?? null} />
          <Version title="Mine" value={mine} />
        </div>
        {problem !== '' && <p className="problem">{problem}</p>}
      </Dialog>
    );
  }
  const { base } = phase;
  return (
    <Dialog
      title="Edit"
      onClose={onClose}
      className="edit"
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" disabled={isBusy || !isLive} onClick={() => submit(base.etag)}>
            Save
          </Button>
        </>
      }
    >
      <p className="mono pointer">{pointer}</p>
      <ValueEditor
        draft={draft}
        kinds={kindsFor(base.value ?? null)}
        onChange={setDraft}
        onSubmit={() => submit(base.etag)}
      />
      {problem !== '' && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <Meanwhile pointer={pointer} base={base.value ?? null} />
    </Dialog>
  );
}

function Version({ title, value }: { readonly title: string; readonly value: Json }) {
  return (
    <div>
      <h3>{title}</h3>
      <pre tabIndex={0}>{typeof value === 'string' ? value : JSON.stringify(value, null, 2)}</pre>
    </div>
  );
}

/** Tells, before anything is saved, that the value moves. */
function Meanwhile({ pointer, base }: { readonly pointer: string; readonly base: Json }) {
  const doc = useApp(selectDoc);
  const now = doc === null ? undefined : valueAt(doc, pointer);
  if (now === undefined || JSON.stringify(now) === JSON.stringify(base)) return null;
  return (
    <p className="callout">
      It changed since you opened it: now <code>{preview(now, 60)}</code>. Saving will show you
      both.
    </p>
  );
}

const selectDoc = (view: View) => view.doc;
