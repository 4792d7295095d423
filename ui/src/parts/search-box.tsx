import { useId } from 'react';
import { IconButton } from './button.tsx';
import { Icon } from './icon.tsx';

export function SearchBox({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div className="search">
      <label htmlFor={id} className="off-screen">
        {label}
      </label>
      <Icon name="search" />
      <input
        id={id}
        type="text"
        data-search=""
        placeholder={label}
        value={value}
        spellCheck={false}
        autoComplete="off"
        onChange={({ target }) => onChange(target.value)}
        onKeyDown={({ key, currentTarget }) => {
          if (key !== 'Escape') return;
          if (value === '') currentTarget.blur();
          onChange('');
        }}
      />
      {value === '' ? (
        <kbd aria-hidden="true">/</kbd>
      ) : (
        <IconButton icon="close" label="Clear" onClick={() => onChange('')} />
      )}
    </div>
  );
}
