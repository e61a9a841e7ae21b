import { Link, useLocation } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { useScope, useSession } from '../api/session.ts';
import type { Environment } from '../api/views.ts';
import { placeIn } from './places.ts';

const NAMES: Readonly<Record<Environment, string>> = { production: 'Production', sandbox: 'Sandbox' };

/** Two links, since each environment has an address of its own; nothing where the session may see only one. */
export function EnvironmentSwitch({ className }: { readonly className?: string }) {
  const { application, environment } = useScope();
  const { environments } = useSession();
  const { pathname } = useLocation();
  if (environments.length < 2) return null;
  return (
    <nav aria-label="Environment" className={clsx('grid grid-cols-2 rounded-lg bg-none-soft p-0.5', className)}>
      {(['production', 'sandbox'] as const).map((one) => (
        <Link
          key={one}
          to={placeIn(pathname, one)}
          params={{ application, environment: one }}
          aria-current={one === environment ? 'true' : undefined}
          className={clsx(
            'flex items-center justify-center gap-1.5 rounded-md px-2 py-1 text-xs font-medium transition-colors max-sm:py-1.5',
            one !== environment && 'text-ink-2 hover:text-ink',
            one === environment && one === 'production' && 'bg-surface text-ink shadow-low',
            one === environment && one === 'sandbox' && 'bg-warn-soft text-warn shadow-low ring-1 ring-warn-mark/60',
          )}
        >
          <span aria-hidden className={clsx('size-1.5 rounded-full', one === 'production' ? 'bg-good-mark' : 'bg-warn-mark')} />
          {NAMES[one]}
        </Link>
      ))}
    </nav>
  );
}

/** Above every page of the sandbox, so that nobody takes it for the real thing. */
export function SandboxRibbon() {
  return (
    <aside aria-label="Environment: sandbox" className="sticky top-0 z-30">
      <div aria-hidden className="sandbox-stripes h-1.5" />
      <p className="flex items-center justify-center gap-2 border-b border-warn-mark/40 bg-warn-soft px-4 py-0.5 text-center text-2xs font-medium text-warn sm:text-xs">
        <strong className="font-semibold tracking-wide uppercase">Sandbox</strong>
        <span>Test data. Nothing here reaches production.</span>
      </p>
    </aside>
  );
}
