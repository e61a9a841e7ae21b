/** The frame around every page of an application: where one is, in which environment, and where else one can go. */
import { Outlet, useLocation } from '@tanstack/react-router';
import { Menu as MenuIcon } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useScope } from '../api/session.ts';
import { Brand } from './brand.tsx';
import { EnvironmentSwitch, SandboxRibbon } from './environment-switch.tsx';
import { paletteDoor, show } from './palette-door.ts';
import { useShortcuts } from './shortcuts.ts';
import { SideBar } from './side-bar.tsx';

const loadPalette = () => import('./palette.tsx');
const Palette = lazy(async () => ({ default: (await loadPalette()).Palette }));
const Shortcuts = lazy(async () => ({ default: (await loadPalette()).Shortcuts }));

/** The page first; then the palette, so that it is there when somebody types into it. */
const IDLE_MS = 1_500;

export function Shell() {
  const { environment } = useScope();
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const opened = useSyncExternalStore(paletteDoor.subscribe, paletteDoor.opened);
  useShortcuts();
  useEffect(() => {
    const timer = setTimeout(() => loadPalette().catch(reportError), IDLE_MS);
    return () => clearTimeout(timer);
  }, []);
  useFocusOnNewPage(main, pathname);
  return (
    <>
      <a
        href="#content"
        className="fixed top-2 left-2 z-50 -translate-y-20 rounded-md bg-raised px-3 py-2 text-sm font-medium shadow-high focus:translate-y-0"
      >
        Skip to the content
      </a>
      {environment === 'sandbox' && <SandboxRibbon />}
      <div className="lg:grid lg:grid-cols-[15rem_minmax(0,1fr)]">
        <aside
          className={`sticky hidden border-r border-line bg-canvas lg:block ${environment === 'sandbox' ? 'top-[1.8rem] h-[calc(100dvh-1.8rem)]' : 'top-0 h-dvh'}`}
        >
          <SideBar />
        </aside>
        <TopBar />
        <main id="content" ref={main} tabIndex={-1} className="min-w-0 outline-none">
          <Outlet />
        </main>
      </div>
      <Suspense>
        {opened === 'palette' && <Palette onClose={() => show(null)} />}
        {opened === 'shortcuts' && <Shortcuts onClose={() => show(null)} />}
      </Suspense>
    </>
  );
}

/** A new page is announced, and the keyboard starts at its top; not on the first one, where the browser does so. */
function useFocusOnNewPage(main: { readonly current: HTMLElement | null }, pathname: string): void {
  const page = pathname.split('/').slice(3, 5).join('/');
  const before = useRef(page);
  useEffect(() => {
    if (before.current === page) return;
    before.current = page;
    main.current?.focus({ preventScroll: true });
  }, [main, page]);
}

function TopBar() {
  const [open, setOpen] = useState(false);
  return (
    <header className="flex h-13 items-center gap-2 border-b border-line bg-canvas px-2 lg:hidden">
      <Radix.Root open={open} onOpenChange={setOpen}>
        <Radix.Trigger aria-label="Pages" className="rounded-lg p-2.5 text-ink-2 hover:bg-hover">
          <MenuIcon className="size-5" />
        </Radix.Trigger>
        <Radix.Portal>
          <Radix.Overlay className="fixed inset-0 z-40 bg-black/40" />
          <Radix.Content
            aria-describedby={undefined}
            className="fixed inset-y-0 left-0 z-50 w-[min(19rem,85vw)] animate-appear border-r border-line bg-canvas shadow-high"
          >
            <Radix.Title className="sr-only">Pages</Radix.Title>
            <SideBar onNavigate={() => setOpen(false)} />
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
      <Brand className="flex-1 text-sm max-[420px]:[&>span]:hidden" />
      <EnvironmentSwitch className="w-48" />
    </header>
  );
}
