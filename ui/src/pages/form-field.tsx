import { useId, type ReactNode } from 'react';
import { preview } from '../logic/format.ts';
import type { Draft, Field } from '../logic/schema-form.ts';
import { Button, IconButton } from '../parts/button.tsx';

export interface FormFieldProps {
  readonly field: Field;
  readonly draft: Draft;
  /** Pointer below the form. */
  readonly at: string;
  readonly problems: ReadonlyMap<string, string>;
  readonly onChange: (draft: Draft) => void;
}

/** A field of a form, with those inside it. */
export function FormField(props: FormFieldProps) {
  const { field } = props;
  if (field.type === 'group') return <Group {...props} fields={field.fields} />;
  if (field.type === 'list') return <List {...props} item={field.item} />;
  return <Single {...props} />;
}

function Group({
  field,
  fields,
  draft,
  at,
  problems,
  onChange,
}: FormFieldProps & { readonly fields: Readonly<Record<string, Field>> }) {
  const values = draft as { readonly [key: string]: Draft };
  const inner = Object.entries(fields).map(([name, each]) => (
    <FormField
      key={name}
      field={each}
      draft={values[name] ?? each.initial}
      at={`${at}/${name}`}
      problems={problems}
      onChange={(next) => onChange({ ...values, [name]: next })}
    />
  ));
  if (at === '') return <div className="fields">{inner}</div>;
  return (
    <fieldset className="fields">
      <legend>
        {field.title}
        <Marks field={field} />
      </legend>
      {inner}
    </fieldset>
  );
}

function List({
  field,
  item,
  draft,
  at,
  problems,
  onChange,
}: FormFieldProps & { readonly item: Field }) {
  const items = Array.isArray(draft) ? (draft as readonly Draft[]) : [];
  return (
    <fieldset className="fields">
      <legend>
        {field.title}
        <Marks field={field} />
      </legend>
      {items.map((each, index) => (
        <div className="list-item" key={index}>
          <FormField
            field={{ ...item, title: `${index + 1}` }}
            draft={each}
            at={`${at}/${index}`}
            problems={problems}
            onChange={(next) => onChange(items.map((old, place) => (place === index ? next : old)))}
          />
          <IconButton
            icon="minus"
            label={`Remove item ${index + 1}`}
            onClick={() => onChange(items.filter((_, place) => place !== index))}
          />
        </div>
      ))}
      <Button icon="plus" look="quiet" onClick={() => onChange([...items, item.initial])}>
        Add an item
      </Button>
      <Problem text={problems.get(at)} />
    </fieldset>
  );
}

function Single({ field, draft, at, problems, onChange }: FormFieldProps) {
  const id = useId();
  const text = typeof draft === 'string' ? draft : '';
  const problem = problems.get(at);
  const shared = {
    id,
    'aria-describedby': `${id}-about`,
    'aria-invalid': problem !== undefined,
    'aria-required': field.isRequired,
  };
  if (field.type === 'boolean')
    return (
      <div className="field">
        <label className="check">
          <input
            {...shared}
            aria-required={undefined}
            type="checkbox"
            checked={draft === true}
            onChange={({ target }) => onChange(target.checked)}
          />
          {field.title}
        </label>
        <About id={id} field={field} problem={problem} />
      </div>
    );
  return (
    <div className="field">
      <label htmlFor={id}>
        {field.title}
        <Marks field={field} />
      </label>
      {control(field, shared, text, onChange)}
      <About id={id} field={field} problem={problem} />
    </div>
  );
}

function control(
  field: Field,
  shared: Readonly<Record<string, unknown>>,
  text: string,
  onChange: (draft: Draft) => void,
): ReactNode {
  if (field.type === 'choice')
    return (
      <select {...shared} value={text} onChange={({ target }) => onChange(target.value)}>
        {(!field.isRequired || text === '') && <option value="">–</option>}
        {field.choices.map((choice, index) => (
          <option key={index} value={index}>
            {typeof choice === 'string' ? choice : preview(choice)}
          </option>
        ))}
      </select>
    );
  if (field.type === 'json')
    return (
      <textarea
        {...shared}
        className="mono"
        rows={4}
        spellCheck={false}
        placeholder="JSON"
        value={text}
        onChange={({ target }) => onChange(target.value)}
      />
    );
  return (
    <input
      {...shared}
      type="text"
      inputMode={field.type === 'number' ? 'decimal' : 'text'}
      className={field.type === 'number' ? 'mono' : ''}
      autoComplete="off"
      value={text}
      onChange={({ target }) => onChange(target.value)}
    />
  );
}

function Marks({ field }: { readonly field: Field }) {
  return field.isRequired ? null : <span className="optional">optional</span>;
}

function About({
  id,
  field,
  problem,
}: {
  readonly id: string;
  readonly field: Field;
  readonly problem: string | undefined;
}) {
  return (
    <div id={`${id}-about`}>
      {field.description !== '' && <p className="quiet">{field.description}</p>}
      <Problem text={problem} />
    </div>
  );
}

function Problem({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : <p className="problem">{text}</p>;
}
