import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ChevronsUpDown, CircleUser, LogOut, Monitor, Moon, Sun } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { call } from '../api/client.ts';
import { useSession } from '../api/session.ts';
import { Menu, MenuItem, MenuLabel, MenuLine } from '../ui/menu.tsx';
import { sayFailure } from '../ui/toasts.tsx';
import { setTheme, type Theme, useTheme } from './theme.ts';

const AccountDialog = lazy(async () => ({ default: (await import('./account-dialog.tsx')).AccountDialog }));

const THEMES = [
  { theme: 'system', name: 'As the system', Icon: Monitor },
  { theme: 'light', name: 'Light', Icon: Sun },
  { theme: 'dark', name: 'Dark', Icon: Moon },
] as const satisfies readonly { theme: Theme; name: string; Icon: unknown }[];

export function AccountMenu() {
  const { person, via } = useSession();
  const queries = useQueryClient();
  const current = useTheme();
  const [open, setOpen] = useState(false);
  const signOut = useMutation({
    mutationFn: () => call('POST /auth/sign-out', {}),
    onError: sayFailure,
    onSuccess: () => {
      queries.clear();
      location.assign('/sign-in');
    },
  });
  const name = person?.name || person?.email || 'Signed in by your provider';
  return (
    <>
      <Menu
        align="start"
        trigger={
          <button type="button" className="flex w-full items-center gap-2.5 rounded-lg px-2 py-1.5 text-left hover:bg-hover">
            <span
              aria-hidden
              className="flex size-6 shrink-0 items-center justify-center rounded-full bg-accent-soft text-xs font-semibold text-accent"
            >
              {name.slice(0, 1).toUpperCase()}
            </span>
            <span className="min-w-0 flex-1 truncate text-sm">
              <span className="sr-only">Account: </span>
              {name}
            </span>
            <ChevronsUpDown aria-hidden className="size-3.5 shrink-0 text-ink-3" />
          </button>
        }
      >
        <MenuLabel>{person === null ? 'You came through your provider’s page.' : person.email}</MenuLabel>
        {person !== null && (
          <MenuItem icon={<CircleUser />} onSelect={() => setOpen(true)}>
            Your account…
          </MenuItem>
        )}
        <MenuLine />
        {THEMES.map(({ theme, name: label, Icon }) => (
          <MenuItem
            key={theme}
            icon={<Icon />}
            onSelect={() => setTheme(theme)}
            hint={theme === current ? <span className="text-xs text-ink-3">in use</span> : undefined}
          >
            {label}
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem icon={<LogOut />} onSelect={() => signOut.mutate()}>
          {via === 'portal' ? 'Leave' : 'Sign out'}
        </MenuItem>
      </Menu>
      {person !== null && open && (
        <Suspense>
          <AccountDialog person={person} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
