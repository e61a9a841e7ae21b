import { clsx } from 'clsx';
import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button, IconButton } from './button.tsx';
import { say } from './toasts.tsx';

function useCopy(text: string): { readonly copied: boolean; readonly copy: () => void } {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_600);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    copyText(text).then(
      () => setCopied(true),
      () => say('Your browser does not allow copying here: select the text and copy it yourself.', 'bad'),
    );
  };
  return { copied, copy };
}

/** Without https, and away from localhost, browsers offer only the old way. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.setAttribute('readonly', '');
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('refused');
}

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const { copied, copy } = useCopy(text);
  return (
    <IconButton label={copied ? 'Copied' : label} onClick={copy}>
      {copied ? <Check className="text-good" /> : <Copy />}
    </IconButton>
  );
}

export function CopyTextButton({ text, children }: { readonly text: string; readonly children: string }) {
  const { copied, copy } = useCopy(text);
  return (
    <Button size="small" icon={copied ? <Check className="size-3.5 text-good" /> : <Copy className="size-3.5" />} onClick={copy}>
      {copied ? 'Copied' : children}
    </Button>
  );
}

/** An id, a URL or a secret in full, with its copy button. */
export function Copyable({ text, label, className }: { readonly text: string; readonly label: string; readonly className?: string }) {
  return (
    <span className={clsx('inline-flex max-w-full items-center gap-0.5', className)}>
      <code className="min-w-0 text-[0.8em] break-all text-ink-2">{text}</code>
      <CopyButton text={text} label={label} />
    </span>
  );
}
