import { useMemo } from 'react';
import type { View } from '../data/live-app.ts';
import { useApp } from '../data/use-app.ts';
import { follow } from '../parts/route.ts';
import { StateTree } from './state-tree.tsx';

/** The state document; the place that the URL names is opened. */
export function StatePage({ item }: { readonly item: string | null }) {
  const doc = useApp(selectDoc);
  const lead = useMemo(() => <h2>State</h2>, []);
  if (doc === null) return null;
  const target = item === null || item.startsWith('/') ? item : `/${item}`;
  return (
    <section className="state-page" aria-label="State">
      <StateTree
        doc={doc}
        base=""
        label="State"
        canEdit
        lead={lead}
        target={target}
        onTarget={showInUrl}
      />
    </section>
  );
}

/** `#/state/vars/limit`: the slash that pointers begin with is the one after the page. */
function showInUrl(pointer: string): void {
  follow('state', pointer.slice(1));
}

const selectDoc = (view: View) => view.doc;
