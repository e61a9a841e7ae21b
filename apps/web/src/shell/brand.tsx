import { clsx } from 'clsx';
import { useEffect } from 'react';
import { useBranding } from '../api/session.ts';

/** The operator's accent colour, for the whole page. */
export function useBrandColour(): void {
  const { accent_color: colour } = useBranding();
  useEffect(() => {
    if (colour !== null && CSS.supports('color', colour)) document.documentElement.style.setProperty('--brand', colour);
  }, [colour]);
}

/** A posthorn, for installations without a logo of their own. */
function Horn({ className }: { readonly className?: string }) {
  return (
    <svg aria-hidden="true" viewBox="0 0 32 32" className={clsx('shrink-0', className)}>
      <rect width="32" height="32" rx="8" fill="var(--accent-solid)" />
      <g fill="none" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" strokeLinejoin="round">
        <circle cx="14" cy="17" r="5.6" />
        <path d="M6 11.4h8M14 11.4h5.5c2.6 0 4.4-1.3 6-3.4v6.8c-1.6-2.1-3.4-3.4-6-3.4" />
      </g>
    </svg>
  );
}

export function Brand({ className }: { readonly className?: string }) {
  const { name, logo_url: logo } = useBranding();
  return (
    <span className={clsx('inline-flex min-w-0 items-center gap-2.5', className)}>
      {logo === null ? <Horn className="size-6" /> : <img src={logo} alt="" className="size-6 shrink-0 rounded object-contain" />}
      <span className="truncate font-semibold tracking-tight">{name}</span>
    </span>
  );
}
