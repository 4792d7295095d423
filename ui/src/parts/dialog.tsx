import { useEffect, useId, useRef, type ReactNode } from 'react';
import { Button, IconButton } from './button.tsx';

/** A window above the page; Escape closes it, and what had the focus gets it back. */
export function Dialog({
  title,
  onClose,
  children,
  actions,
  className = '',
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly actions?: ReactNode;
  readonly className?: string;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog?.open === false) dialog.showModal();
    // Else the button that closes it would have the focus.
    dialog?.querySelector<HTMLElement>('[data-autofocus]')?.focus();
    // Closing it here would be told as if the person had: it ends with its element.
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={`dialog ${className}`}
      aria-labelledby={id}
      onClose={onClose}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      <div className="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label="Close" onClick={onClose} />
        </header>
        {children}
        {actions !== undefined && <footer>{actions}</footer>}
      </div>
    </dialog>
  );
}

/** Asks before something that cannot be undone; says what will happen. */
export function Confirm({
  title,
  verb,
  isDanger = false,
  isBusy,
  onConfirm,
  onClose,
  children,
}: {
  readonly title: string;
  readonly verb: string;
  readonly isDanger?: boolean;
  readonly isBusy: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  return (
    <Dialog
      title={title}
      onClose={onClose}
      className="confirm"
      actions={
        <>
          <Button onClick={onClose} data-autofocus="">
            Cancel
          </Button>
          <Button look={isDanger ? 'danger' : 'primary'} disabled={isBusy} onClick={onConfirm}>
            {verb}
          </Button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
