import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { type FormEvent, type ReactNode, useState } from 'react';
import { Button } from './button.tsx';
import { useReturnFocus } from './return-focus.ts';

interface DialogProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly children: ReactNode;
  readonly wide?: boolean;
}

export function Dialog({ open, onOpenChange, title, description, children, wide = false }: DialogProps) {
  const returnFocus = useReturnFocus();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/35 backdrop-blur-[1px]" />
        <Radix.Content
          {...returnFocus}
          {...(description === undefined && { 'aria-describedby': undefined })}
          className={`fixed top-1/2 left-1/2 z-50 flex max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] -translate-x-1/2 -translate-y-1/2 animate-appear flex-col rounded-xl border border-line bg-raised shadow-high ${wide ? 'max-w-2xl' : 'max-w-md'}`}
        >
          <div className="flex items-start gap-4 px-5 pt-4.5">
            <div className="min-w-0 flex-1">
              <Radix.Title className="text-lg font-semibold tracking-tight">{title}</Radix.Title>
              {description !== undefined && (
                <Radix.Description asChild>
                  <div className="mt-1 text-sm text-pretty text-ink-2">{description}</div>
                </Radix.Description>
              )}
            </div>
            <Radix.Close aria-label="Close" className="-mr-1.5 rounded-md p-1.5 text-ink-3 hover:bg-hover hover:text-ink">
              <X className="size-4" />
            </Radix.Close>
          </div>
          <div className="min-h-0 overflow-y-auto px-5 pt-4 pb-5">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** The row of buttons at a dialog's end. */
export function DialogActions({ children }: { readonly children: ReactNode }) {
  return <div className="flex flex-wrap justify-end gap-2 pt-5">{children}</div>;
}

interface ConfirmProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: string;
  readonly children: ReactNode;
  /** What the button does, as a verb. */
  readonly action: string;
  readonly danger?: boolean;
  readonly busy?: boolean;
  readonly onConfirm: () => void;
  /** To be typed before the button works, for what cannot be undone. */
  readonly phrase?: string;
}

/** Asks before something is done that cannot simply be undone. */
export function Confirm({ open, onOpenChange, title, children, action, danger = false, busy = false, onConfirm, phrase }: ConfirmProps) {
  const [typed, setTyped] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (phrase === undefined || typed === phrase) onConfirm();
  };
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={title} description={children}>
      <form onSubmit={submit}>
        {phrase !== undefined && (
          <label className="block space-y-1.5 text-sm">
            <span>
              Type <strong className="font-mono text-xs">{phrase}</strong> to go on
            </span>
            <input
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
              className="h-9 w-full rounded-md border border-line-field bg-surface px-2.5"
            />
          </label>
        )}
        <DialogActions>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button type="submit" look={danger ? 'danger' : 'primary'} busy={busy} disabled={phrase !== undefined && typed !== phrase}>
            {action}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
