import { background } from '../data/background.ts';
import { useEffect, useState } from 'react';
import { IconButton } from './button.tsx';
import { notify } from './notices.tsx';

const SHOWN_MS = 1_500;

/** Puts text on the clipboard; also on pages that are not served over TLS, where browsers hide the clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.setAttribute('readonly', '');
    area.className = 'off-screen';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

export function CopyButton({
  label,
  text,
}: {
  readonly label: string;
  readonly text: () => string;
}) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async (): Promise<void> => {
    if (await copyText(text())) setCopied(true);
    else notify('The browser does not let this page copy', 'failed');
  };
  return (
    <IconButton
      icon={isCopied ? 'check' : 'copy'}
      label={isCopied ? 'Copied' : label}
      onClick={(event) => {
        event.stopPropagation();
        background(copy(), 'copying');
      }}
    />
  );
}
