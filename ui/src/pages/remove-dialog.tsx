import { background } from '../data/background.ts';
import { useEffect, useState } from 'react';
import { change, read, told, type Tagged } from '../data/server.ts';
import { useIsLive } from '../data/use-app.ts';
import { preview } from '../logic/format.ts';
import { Confirm } from '../parts/dialog.tsx';
import { notify } from '../parts/notices.tsx';

/** Removes a place, if it is still what the person saw. */
export function RemoveDialog({
  pointer,
  onClose,
}: {
  readonly pointer: string;
  readonly onClose: () => void;
}) {
  const isLive = useIsLive();
  const [seen, setSeen] = useState<Tagged | null>(null);
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    read(pointer).then(setSeen, (error: unknown) => setProblem(told(error)));
  }, [pointer]);
  const remove = async (): Promise<void> => {
    if (seen === null) return;
    setBusy(true);
    try {
      const conflict = await change([{ op: 'remove', path: pointer }], seen.etag);
      if (conflict === null) {
        notify(`${pointer} is removed`);
        return onClose();
      }
      setSeen(conflict.theirs);
      setProblem('It changed meanwhile, so nothing was removed. This is its newer value.');
    } catch (error) {
      setProblem(told(error));
    } finally {
      setBusy(false);
    }
    return undefined;
  };
  return (
    <Confirm
      title="Remove it?"
      verb="Remove"
      isDanger
      isBusy={isBusy || !isLive || seen === null}
      onClose={onClose}
      onConfirm={() => background(remove(), 'removing')}
    >
      <p className="mono pointer">{pointer}</p>
      {seen?.value !== undefined && <pre tabIndex={0}>{preview(seen.value, 400)}</pre>}
      {problem !== '' && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </Confirm>
  );
}
