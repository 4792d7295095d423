import { useEffect, useRef, useState } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import { searchTree, type Search } from '../logic/tree.ts';

/** Places after which a search ends. */
const LIMIT = 1_000;
/** A document that changes all the time is not searched more often. */
const AGAIN_MS = 500;

/** What matches some text, looked for again as the document changes; `null` for no text. */
export function useTreeSearch(doc: Json, text: string): Search | null {
  const [search, setSearch] = useState<{ readonly text: string; readonly search: Search } | null>(
    null,
  );
  const latest = useRef(doc);
  latest.current = doc;
  useEffect(() => {
    if (text === '') {
      setSearch(null);
      return undefined;
    }
    let searched: Json | undefined;
    const look = (): void => {
      if (searched === latest.current) return;
      searched = latest.current;
      setSearch({ text, search: searchTree(latest.current, text, LIMIT) });
    };
    look();
    const timer = setInterval(look, AGAIN_MS);
    return () => clearInterval(timer);
  }, [text]);
  return text === '' ? null : (search?.search ?? null);
}
