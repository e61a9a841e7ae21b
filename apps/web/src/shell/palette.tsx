/** Go anywhere by typing: pages, or whatever an id belongs to. And the page of all shortcuts. */
import { useNavigate } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { ArrowRight, ArrowRightLeft, Moon, Search, Sun } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { type KeyboardEvent, type ReactNode, useId, useState } from 'react';
import { useScope, useSession } from '../api/session.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Kbd } from '../ui/page.tsx';
import { useReturnFocus } from '../ui/return-focus.ts';
import { placeIn, placesOf } from './places.ts';
import { setTheme } from './theme.ts';

interface Command {
  readonly id: string;
  readonly name: string;
  readonly icon: ReactNode;
  readonly keys?: readonly string[];
  readonly run: () => unknown;
}

export function Palette({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const listId = useId();
  const returnFocus = useReturnFocus();
  const commands = useCommands(text.trim());
  const chosen = commands[Math.min(at, commands.length - 1)];
  const run = (command: Command | undefined) => {
    if (command === undefined) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt(Math.min(at + 1, commands.length - 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0));
    else if (event.key === 'Enter') run(chosen);
    else return;
    event.preventDefault();
  };
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/35" />
        <Radix.Content
          {...returnFocus}
          aria-describedby={undefined}
          className="fixed top-[12vh] left-1/2 z-50 w-[calc(100vw-2rem)] max-w-lg -translate-x-1/2 animate-appear overflow-hidden rounded-xl border border-line bg-raised shadow-high"
        >
          <Radix.Title className="sr-only">Go to</Radix.Title>
          <div className="flex items-center gap-3 border-b border-line px-4">
            <Search aria-hidden className="size-4 text-ink-3" />
            <input
              role="combobox"
              aria-expanded="true"
              aria-controls={listId}
              aria-activedescendant={chosen && `${listId}-${chosen.id}`}
              aria-label="Page or id"
              placeholder="A page, or an id to open"
              value={text}
              onChange={(event) => {
                setText(event.target.value);
                setAt(0);
              }}
              onKeyDown={onKeyDown}
              className="h-12 min-w-0 flex-1 bg-transparent text-base outline-none"
            />
          </div>
          <div role="listbox" id={listId} aria-label="Results" className="max-h-[50vh] overflow-y-auto p-1.5">
            {commands.map((command, index) => (
              <div
                key={command.id}
                id={`${listId}-${command.id}`}
                role="option"
                tabIndex={-1}
                aria-selected={command === chosen}
                onPointerMove={() => setAt(index)}
                onClick={() => run(command)}
                onKeyDown={() => {}}
                className={clsx(
                  'flex cursor-pointer items-center gap-3 rounded-lg px-3 py-2 text-sm [&>svg]:size-4 [&>svg]:text-ink-3',
                  command === chosen && 'bg-hover',
                )}
              >
                {command.icon}
                <span className="min-w-0 flex-1 truncate">{command.name}</span>
                {command.keys?.map((key) => (
                  <Kbd key={key}>{key}</Kbd>
                ))}
              </div>
            ))}
          </div>
          {commands.length === 0 && <p className="px-5 pb-5 text-sm text-ink-2">No page has that name, and it is no whole id.</p>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function useCommands(text: string): Command[] {
  const scope = useScope();
  const navigate = useNavigate();
  const { environments } = useSession();
  const { application, environment } = scope;
  const other = environment === 'production' ? 'sandbox' : 'production';
  const params = { application, environment };
  const byId: Command[] = [];
  const opens = (name: string, run: () => unknown) => byId.push({ id: 'open', name, icon: <ArrowRight />, run });
  if (/^dlv_\w{26}$/.test(text))
    opens(`Open delivery ${text}`, () =>
      navigate({ to: '/$application/$environment/deliveries/$delivery', params: { ...params, delivery: text } }),
    );
  else if (/^ep_\w{26}$/.test(text))
    opens(`Open endpoint ${text}`, () =>
      navigate({ to: '/$application/$environment/settings/api/$endpoint', params: { ...params, endpoint: text } }),
    );
  else if (/^evt_\w{26}$/.test(text))
    opens(`Open event ${text}`, () => navigate({ to: '/$application/$environment/events/$event', params: { ...params, event: text } }));
  const pages = [
    ...placesOf(environment).map(({ to, name, Icon, key }) => ({
      id: key,
      name,
      icon: <Icon />,
      keys: ['g', key],
      run: () => navigate({ to, params }),
    })),
    ...(environments.includes(other)
      ? [
          {
            id: 'switch',
            name: `Switch to ${other}`,
            icon: <ArrowRightLeft />,
            run: () => navigate({ to: placeIn(location.pathname, other), params: { application, environment: other } }),
          },
        ]
      : []),
    { id: 'light', name: 'Light theme', icon: <Sun />, run: () => setTheme('light') },
    { id: 'dark', name: 'Dark theme', icon: <Moon />, run: () => setTheme('dark') },
  ];
  return [...byId, ...pages.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))];
}

const KEYS: readonly { readonly keys: readonly string[]; readonly does: string }[] = [
  { keys: ['Ctrl', 'K'], does: 'Go to a page or an id' },
  { keys: ['/'], does: 'To the list’s filter' },
  { keys: ['j'], does: 'Next row' },
  { keys: ['k'], does: 'Row before' },
  { keys: ['Enter'], does: 'Open the row' },
  { keys: ['Esc'], does: 'Close what is open' },
  { keys: ['?'], does: 'This list' },
];

export function Shortcuts({ onClose }: { readonly onClose: () => void }) {
  const { environment } = useScope();
  const rows = [...KEYS, ...placesOf(environment).map(({ name, key }) => ({ keys: ['g', key], does: name }))];
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Keyboard shortcuts">
      <dl className="space-y-2 text-sm">
        {rows.map(({ keys, does }) => (
          <div key={does} className="flex items-center justify-between gap-4">
            <dt className="text-ink-2">{does}</dt>
            <dd className="flex gap-1">
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
