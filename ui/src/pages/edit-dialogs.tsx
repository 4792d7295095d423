/**
 * Changing the state by hand, with compare-and-set.
 *
 * E1 What a person edits is read anew, with its tag, when the editor opens; saving says which tag it was.
 * E2 When somebody else changed the place meanwhile, nothing is written: the person sees both values and chooses. Choosing
 *    writes against the newer tag, so a third change is seen as well.
 */
import { useState } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import { AddDialog } from './add-dialog.tsx';
import { EditDialog } from './edit-dialog.tsx';
import { RemoveDialog } from './remove-dialog.tsx';

export interface Editing {
  readonly type: 'value' | 'add' | 'remove';
  readonly pointer: string;
  /** As it is shown; the editor reads it again. */
  readonly value: Json;
}

export function EditDialogs({
  editing,
  onClose,
}: {
  readonly editing: Editing;
  readonly onClose: () => void;
}) {
  const [{ type, pointer, value }] = useState(editing);
  if (type === 'add') return <AddDialog pointer={pointer} value={value} onClose={onClose} />;
  if (type === 'remove') return <RemoveDialog pointer={pointer} onClose={onClose} />;
  return <EditDialog pointer={pointer} onClose={onClose} />;
}
