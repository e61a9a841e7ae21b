import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { Check, ChevronsUpDown, RadioTower, Search } from 'lucide-react';
import type { ReactNode } from 'react';
import { applicationQuery } from '../api/queries.ts';
import { useScope, useSession } from '../api/session.ts';
import { Menu, MenuItem, MenuLabel } from '../ui/menu.tsx';
import { Kbd } from '../ui/page.tsx';
import { AccountMenu } from './account-menu.tsx';
import { Brand } from './brand.tsx';
import { EnvironmentSwitch } from './environment-switch.tsx';
import { openPalette } from './palette-door.ts';
import { type Place, placesOf } from './places.ts';

/** What is on the left of a wide window, and in the drawer of a narrow one. */
export function SideBar({ onNavigate }: { readonly onNavigate?: () => void }) {
  const { application, environment } = useScope();
  const { operator } = useSession();
  const places = placesOf(environment);
  const item = (place: Place) => (
    <NavItem key={place.to} icon={<place.Icon />} {...(onNavigate && { onNavigate })} to={place.to} params={{ application, environment }}>
      {place.name}
    </NavItem>
  );
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="space-y-3 px-3 pt-3.5 pb-2">
        <Brand className="px-2" />
        <ApplicationMenu />
        <EnvironmentSwitch />
      </div>
      <nav aria-label="Pages" className="min-h-0 flex-1 overflow-y-auto px-3 py-2">
        <ul className="space-y-px">{places.filter(({ group }) => group === 'main').map(item)}</ul>
        <h2 className="px-2 pt-5 pb-1 text-xs font-medium text-ink-3">Settings</h2>
        <ul className="space-y-px">{places.filter(({ group }) => group === 'settings').map(item)}</ul>
        {operator && (
          <>
            <h2 className="px-2 pt-5 pb-1 text-xs font-medium text-ink-3">Operator</h2>
            <ul>
              <NavItem icon={<RadioTower />} {...(onNavigate && { onNavigate })} to="/operator" params={{}}>
                All applications
              </NavItem>
            </ul>
          </>
        )}
      </nav>
      <div className="space-y-1 border-t border-line p-3">
        <button
          type="button"
          onClick={openPalette}
          className="flex w-full items-center gap-2.5 rounded-lg px-2 py-1.5 text-sm text-ink-2 hover:bg-hover hover:text-ink"
        >
          <Search aria-hidden className="size-4 text-ink-3" />
          <span className="flex-1 text-left">Go to…</span>
          <Kbd>{/Mac|iP/.test(navigator.userAgent) ? '⌘' : 'Ctrl'} K</Kbd>
        </button>
        <AccountMenu />
      </div>
    </div>
  );
}

interface NavItemProps {
  readonly to: Place['to'] | '/operator';
  readonly params: Readonly<Record<string, string>>;
  readonly icon: ReactNode;
  readonly children: string;
  readonly onNavigate?: () => void;
}

function NavItem({ to, params, icon, children, onNavigate }: NavItemProps) {
  return (
    <li>
      <Link
        to={to}
        params={params as { application: string; environment: 'sandbox' }}
        {...(onNavigate && { onClick: onNavigate })}
        className={clsx(
          'flex items-center gap-2.5 rounded-lg px-2 py-1.5 text-sm text-ink-2 transition-colors hover:bg-hover hover:text-ink max-lg:py-2.5',
          'data-[status=active]:bg-hover data-[status=active]:font-medium data-[status=active]:text-ink data-[status=active]:[&>svg]:text-accent',
          '[&>svg]:size-4 [&>svg]:shrink-0 [&>svg]:text-ink-3',
        )}
      >
        {icon}
        {children}
      </Link>
    </li>
  );
}

/** Which business this is; a switch for people who belong to several. */
function ApplicationMenu() {
  const { applications } = useSession();
  const scope = useScope();
  const navigate = useNavigate();
  const mine = applications.find(({ id }) => id === scope.application);
  const other = useQuery({ ...applicationQuery(scope), enabled: mine === undefined }).data;
  const name = mine?.name ?? other?.name ?? scope.application;
  if (applications.length < 2) {
    return (
      <p className="truncate px-2 text-sm font-medium text-ink-2" title={name}>
        {name}
      </p>
    );
  }
  return (
    <Menu
      align="start"
      trigger={
        <button
          type="button"
          className="flex w-full items-center gap-2 rounded-lg border border-line bg-surface px-2 py-1.5 text-left text-sm hover:bg-sunken"
        >
          <span className="min-w-0 flex-1 truncate font-medium">{name}</span>
          <ChevronsUpDown aria-hidden className="size-3.5 text-ink-3" />
        </button>
      }
    >
      <MenuLabel>Your businesses</MenuLabel>
      {applications.map(({ id, name: label }) => (
        <MenuItem
          key={id}
          hint={id === scope.application ? <Check className="size-4 text-accent" /> : undefined}
          onSelect={() => {
            navigate({
              to: '/$application/$environment/overview',
              params: { application: id, environment: scope.environment },
            }).catch(reportError);
          }}
        >
          {label}
        </MenuItem>
      ))}
    </Menu>
  );
}
