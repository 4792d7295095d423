/** Pictures of 16 × 16, drawn in the colour of the text around them. They say nothing by themselves: a label stands beside them. */
const PATHS = {
  app: 'M2.5 4.5a2 2 0 0 1 2-2h7a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2zM2.5 6.3h11M5.8 6.5v7',
  works: 'M8 1.8 13.6 5 8 8.2 2.4 5ZM2.6 8 8 11.1 13.4 8M2.6 11 8 14.1l5.4-3.1',
  state:
    'M3 3.2h4M6 8h4M6 12.8h4M4.2 3.4v8a1.4 1.4 0 0 0 1.4 1.4H6M4.2 6.6A1.4 1.4 0 0 0 5.6 8H6M12 8h1.4M12 12.8h1.4',
  timeline: 'M2 8h12M4.5 8V4.6M8 8V3M11.5 8V5.6M5.6 12.6h4.8M8 8v4.6',
  logs: 'M2.6 3.4h10.8M2.6 6.5h7M2.6 9.6h9.2M2.6 12.7h5',
  commands: 'm3 4.2 3.6 3.6L3 11.4M8.4 12h4.8',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1.4v1.4M8 13.2v1.4M1.4 8h1.4M13.2 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M12.7 3.3l-1 1M4.3 11.7l-1 1',
  moon: 'M13.4 9.6A5.8 5.8 0 0 1 6.4 2.6a5.8 5.8 0 1 0 7 7Z',
  system: 'M2.2 3.4h11.6v7.4H2.2zM5.6 13.4h4.8M8 10.8v2.6',
  help: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4ZM6.2 6.2a1.9 1.9 0 1 1 2.7 1.8c-.6.3-.9.7-.9 1.3M8 11.3v.1',
  search: 'M7 11.8a4.8 4.8 0 1 0 0-9.6 4.8 4.8 0 0 0 0 9.6ZM10.5 10.5 14 14',
  open: 'M6.4 3H3.6A1.1 1.1 0 0 0 2.5 4.1v8.3a1.1 1.1 0 0 0 1.1 1.1h8.3a1.1 1.1 0 0 0 1.1-1.1V9.6M9.4 2.5h4.1v4.1M13.2 2.8 7.6 8.4',
  copy: 'M5.6 5.6V3.2A.9.9 0 0 1 6.5 2.3h6.3a.9.9 0 0 1 .9.9v6.3a.9.9 0 0 1-.9.9h-2.4M3.2 5.6h6.3a.9.9 0 0 1 .9.9v6.3a.9.9 0 0 1-.9.9H3.2a.9.9 0 0 1-.9-.9V6.5a.9.9 0 0 1 .9-.9Z',
  check: 'm3 8.4 3.2 3.2L13 4.8',
  close: 'm3.8 3.8 8.4 8.4M12.2 3.8l-8.4 8.4',
  chevron: 'm6 3.6 4.4 4.4L6 12.4',
  back: 'M10 3.6 5.6 8l4.4 4.4',
  play: 'M4.6 2.9v10.2L13 8Z',
  stop: 'M3.8 3.8h8.4v8.4H3.8z',
  pause: 'M5.4 3.4v9.2M10.6 3.4v9.2',
  trash:
    'M2.6 4.4h10.8M6.2 4.2V2.6h3.6v1.6M4 4.6l.6 8a.9.9 0 0 0 .9.8h5a.9.9 0 0 0 .9-.8l.6-8M6.7 7v4M9.3 7v4',
  edit: 'm10.6 2.8 2.6 2.6-7.6 7.6-3.2.6.6-3.2ZM9 4.4 11.6 7',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  download: 'M8 2.4v7.4M4.8 7 8 10.2 11.2 7M2.6 13.4h10.8',
  retry: 'M13.4 8a5.4 5.4 0 1 1-1.7-3.9M13.6 1.9v3h-3',
  warning: 'M8 2.2 14.4 13H1.6ZM8 6.4v3.2M8 11.2v.1',
  up: 'M8 12.8V3.2M4 7.2l4-4 4 4',
  down: 'M8 3.2v9.6M4 8.8l4 4 4-4',
  collapse: 'm4.6 2.8 3.4 3 3.4-3M4.6 13.2l3.4-3 3.4 3M3 8h10',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The kite of the name, with Franklin's spark on its string. */
export function Kite({ size = 24 }: { readonly size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" className="kite">
      <path className="kite-sail" d="M20.5 2.5 29 9.8 17.6 22 9.5 12.6Z" />
      <path className="kite-fold" d="M20.5 2.5 17.6 22 9.5 12.6Z" />
      <path className="kite-spark" d="m17.6 22-5.2 1.6 2.2 2.2-6.2 3.7" />
    </svg>
  );
}
