import { background } from '../data/background.ts';
import { useState } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import { addKey } from '../data/add-key.ts';
import { change, told } from '../data/server.ts';
import { useIsLive } from '../data/use-app.ts';
import { below } from '../logic/pointer.ts';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { notify } from '../parts/notices.tsx';
import { ValueEditor, valueOf, type ValueDraft } from './value-editor.tsx';

/** Adds a key to an object or an item to the end of an array. */
export function AddDialog({
  pointer,
  value,
  onClose,
}: {
  readonly pointer: string;
  readonly value: Json;
  readonly onClose: () => void;
}) {
  const isArray = Array.isArray(value);
  const isLive = useIsLive();
  const [key, setKey] = useState('');
  const [draft, setDraft] = useState<ValueDraft>(likeItemsOf(value));
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const add = async (): Promise<void> => {
    if (isBusy || !isLive) return undefined;
    const item = valueOf(draft);
    if (item === undefined) return setProblem('That is no such value.');
    if (!isArray && key === '') return setProblem('A key is needed.');
    setBusy(true);
    try {
      if (isArray) await change([{ op: 'add', path: `${pointer}/-`, value: item }], null);
      else if (!(await addKey(pointer, key, item)))
        return setProblem(`There is a key "${key}" already.`);
      notify(isArray ? `Added to ${pointer}` : `Added ${below(pointer, key)}`);
      onClose();
    } catch (error) {
      setProblem(told(error));
    } finally {
      setBusy(false);
    }
    return undefined;
  };
  return (
    <Dialog
      title={isArray ? 'Add an item' : 'Add a key'}
      onClose={onClose}
      className="edit"
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            look="primary"
            disabled={isBusy || !isLive}
            onClick={() => background(add(), 'adding')}
          >
            Add
          </Button>
        </>
      }
    >
      <p className="mono pointer">{pointer}</p>
      {!isArray && (
        <label className="field">
          Key
          <input
            className="mono"
            data-autofocus=""
            type="text"
            spellCheck={false}
            value={key}
            onChange={({ target }) => setKey(target.value)}
          />
        </label>
      )}
      <ValueEditor
        draft={draft}
        kinds={['string', 'number', 'boolean', 'json']}
        onChange={setDraft}
        onSubmit={() => background(add(), 'adding')}
      />
      {problem !== '' && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </Dialog>
  );
}

/** What is inside already is the best guess of what comes. */
function likeItemsOf(value: Json): ValueDraft {
  const last =
    typeof value === 'object' && value !== null ? Object.values(value).at(-1) : undefined;
  if (typeof last === 'number') return { kind: 'number', text: '' };
  if (typeof last === 'boolean') return { kind: 'boolean', text: 'true' };
  if (typeof last === 'object' && last !== null)
    return { kind: 'json', text: JSON.stringify(last, null, 2) };
  return { kind: 'string', text: '' };
}
