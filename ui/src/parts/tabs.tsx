import { useRef, type KeyboardEvent } from 'react';

/** A few views of one thing, of which one is shown. */
export function Tabs<T extends string>({
  label,
  tabs,
  chosen,
  onChoose,
  titles,
}: {
  readonly label: string;
  readonly tabs: readonly T[];
  readonly chosen: T;
  readonly onChoose: (tab: T) => void;
  readonly titles: Readonly<Record<T, string>>;
}) {
  const list = useRef<HTMLDivElement>(null);
  const moved = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const index = (tabs.indexOf(chosen) + step + tabs.length) % tabs.length;
    const tab = tabs[index];
    if (tab !== undefined) onChoose(tab);
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[index]?.focus();
  };
  return (
    <div ref={list} role="tablist" aria-label={label} className="tabs" onKeyDown={moved}>
      {tabs.map((tab) => (
        <button
          key={tab}
          type="button"
          role="tab"
          aria-selected={tab === chosen}
          tabIndex={tab === chosen ? 0 : -1}
          onClick={() => onChoose(tab)}
        >
          {titles[tab]}
        </button>
      ))}
    </div>
  );
}
