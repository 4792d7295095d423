import { useState, type KeyboardEvent } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import { parseJson } from '../logic/schema-form.ts';

export type ValueKind = 'string' | 'number' | 'boolean' | 'json';

export interface ValueDraft {
  readonly kind: ValueKind;
  readonly text: string;
}

const TITLES: Record<ValueKind, string> = {
  string: 'text',
  number: 'number',
  boolean: 'yes / no',
  json: 'JSON',
};
/** A text of more lines gets an area. */
const LONG_CHARS = 60;

export function draftOf(value: Json): ValueDraft {
  if (typeof value === 'string') return { kind: 'string', text: value };
  if (typeof value === 'number') return { kind: 'number', text: String(value) };
  if (typeof value === 'boolean') return { kind: 'boolean', text: String(value) };
  return { kind: 'json', text: JSON.stringify(value, null, 2) };
}

/** `undefined` for text that is no such value. */
export function valueOf({ kind, text }: ValueDraft): Json | undefined {
  switch (kind) {
    case 'string':
      return text;
    case 'boolean':
      return text === 'true';
    case 'number': {
      const value = Number(text);
      return text.trim() === '' || !Number.isFinite(value) ? undefined : value;
    }
    case 'json':
      return parseJson(text);
  }
}

/** The kind that a value has, and JSON for making it another. */
export function kindsFor(value: Json): readonly ValueKind[] {
  const { kind } = draftOf(value);
  return kind === 'json' ? ['json'] : [kind, 'json'];
}

/** An editor for a value, by its type. */
export function ValueEditor({
  draft,
  kinds,
  onChange,
  onSubmit,
}: {
  readonly draft: ValueDraft;
  readonly kinds: readonly ValueKind[];
  readonly onChange: (draft: ValueDraft) => void;
  readonly onSubmit: () => void;
}) {
  const { kind, text } = draft;
  const changed = (next: string): void => onChange({ kind, text: next });
  // Another element for a text that grows would take the focus from who types it.
  const [shape, setShape] = useState({ kind, isArea: isLong(draft) });
  if (shape.kind !== kind) setShape({ kind, isArea: isLong(draft) });
  const { isArea } = shape;
  return (
    <div className="value-editor">
      {kinds.length > 1 && (
        <div className="filters" role="group" aria-label="Edit as">
          {kinds.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === kind}
              onClick={() => onChange(convert(draft, each))}
            >
              {TITLES[each]}
            </button>
          ))}
        </div>
      )}
      {kind === 'boolean' ? (
        <div className="choice" role="radiogroup" aria-label="Value">
          {['true', 'false'].map((each) => (
            <label key={each}>
              <input
                type="radio"
                name="value"
                data-autofocus={each === text ? '' : undefined}
                checked={each === text}
                onChange={() => changed(each)}
              />
              {each}
            </label>
          ))}
        </div>
      ) : isArea ? (
        <textarea
          aria-label="Value"
          className="mono"
          data-autofocus=""
          spellCheck={false}
          rows={Math.min(18, Math.max(4, text.split('\n').length + 1))}
          value={text}
          onChange={({ target }) => changed(target.value)}
          onKeyDown={(event) => {
            if (isEnter(event) && (event.metaKey || event.ctrlKey)) onSubmit();
          }}
        />
      ) : (
        <input
          aria-label="Value"
          className="mono"
          data-autofocus=""
          type="text"
          inputMode={kind === 'number' ? 'decimal' : 'text'}
          spellCheck={false}
          value={text}
          onFocus={({ target }) => target.select()}
          onChange={({ target }) => changed(target.value)}
          onKeyDown={(event) => {
            if (isEnter(event)) onSubmit();
          }}
        />
      )}
      {isArea && <p className="quiet">Ctrl + Enter saves.</p>}
    </div>
  );
}

function isLong({ kind, text }: ValueDraft): boolean {
  return kind === 'json' || text.includes('\n') || text.length > LONG_CHARS;
}

/** Enter, but neither one that is held nor one that ends the composition of a word. */
function isEnter({ key, repeat, nativeEvent }: KeyboardEvent): boolean {
  return key === 'Enter' && !repeat && !nativeEvent.isComposing;
}

/** The same value as another kind, as far as it has one. */
function convert(draft: ValueDraft, kind: ValueKind): ValueDraft {
  const value = valueOf(draft);
  if (kind === 'json')
    return { kind, text: value === undefined ? draft.text : JSON.stringify(value, null, 2) };
  return {
    kind,
    text: value === undefined || typeof value === 'object' ? draft.text : String(value),
  };
}
