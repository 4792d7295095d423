import { background } from '../data/background.ts';
import { useMemo, useState } from 'react';
import type { Json } from '../../../runtime/state/json.ts';
import type { Command } from '../data/contract.ts';
import { askJson, Refused, told } from '../data/server.ts';
import { useIsLive } from '../data/use-app.ts';
import { duration } from '../logic/format.ts';
import { fieldOf, readDraft, type Draft } from '../logic/schema-form.ts';
import { issuesOf } from '../logic/issues.ts';
import { Button } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { FormField } from './form-field.tsx';

type Outcome =
  | { readonly type: 'done'; readonly result: Json | undefined; readonly ms: number }
  | { readonly type: 'failed'; readonly problem: string };

/** A form for one command, and what its last call answered. */
export function CommandForm({ command }: { readonly command: Command }) {
  const { name, description, args } = command;
  const field = useMemo(() => fieldOf(args), [args]);
  const [draft, setDraft] = useState<Draft>(field?.initial ?? '');
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [isBusy, setBusy] = useState(false);
  const isLive = useIsLive();
  const send = async (): Promise<void> => {
    const reading =
      field === null ? ({ ok: true, value: undefined } as const) : readDraft(field, draft);
    setProblems(reading.ok ? new Map() : reading.problems);
    if (!reading.ok) return;
    setBusy(true);
    const startedAt = performance.now();
    try {
      const { result } = await askJson<{ result?: Json }>(`commands/${encodeURIComponent(name)}`, {
        method: 'POST',
        body: reading.value ?? {},
      });
      setOutcome({ type: 'done', result, ms: performance.now() - startedAt });
    } catch (error) {
      setOutcome({ type: 'failed', problem: told(error) });
      if (error instanceof Refused) setProblems(issuesOf(error.body));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="command-form"
      onSubmit={(event) => {
        event.preventDefault();
        background(send(), 'a command');
      }}
      onKeyDown={(event) => {
        // A key that is held calls it once; in an area it writes lines.
        const isHeld = event.key === 'Enter' && event.repeat;
        if (isHeld && !(event.target instanceof HTMLTextAreaElement)) event.preventDefault();
      }}
    >
      <h3 className="mono">{name}</h3>
      {description !== '' && <p className="lead">{description}</p>}
      {field === null ? (
        <p className="quiet">It takes no arguments.</p>
      ) : (
        <FormField field={field} draft={draft} at="" problems={problems} onChange={setDraft} />
      )}
      <div className="actions">
        <Button type="submit" look="primary" icon="play" disabled={!isLive || isBusy}>
          {isBusy ? 'Running …' : 'Run'}
        </Button>
      </div>
      <div role="status" aria-live="polite">
        {outcome?.type === 'failed' && <p className="problem">{outcome.problem}</p>}
        {outcome?.type === 'done' && (
          <div className="result">
            <header>
              <strong>Done</strong>
              <span className="quiet number">{duration(outcome.ms)}</span>
              {outcome.result !== undefined && (
                <CopyButton
                  label="Copy the result"
                  text={() => JSON.stringify(outcome.result, null, 2)}
                />
              )}
            </header>
            {outcome.result === undefined || outcome.result === null ? (
              <p className="quiet">It answered nothing.</p>
            ) : (
              <pre tabIndex={0}>{JSON.stringify(outcome.result, null, 2)}</pre>
            )}
          </div>
        )}
      </div>
    </form>
  );
}
