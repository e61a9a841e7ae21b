/** Which events an endpoint gets: all, or some of the catalogue. */
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { eventTypesQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Input } from '../../ui/field.tsx';

interface EventTypesFieldProps {
  /** Names and patterns such as `shipment.*`; null: all types. */
  readonly chosen: readonly string[] | null;
  readonly error?: string | undefined;
  readonly onChange: (chosen: readonly string[] | null) => void;
}

export function EventTypesField({ chosen, error, onChange }: EventTypesFieldProps) {
  const name = useId();
  const { data: catalogue = [] } = useQuery(eventTypesQuery(useScope()));
  return (
    <fieldset className="min-w-0 space-y-2">
      <legend className="text-sm font-medium">Events</legend>
      <div className="flex flex-wrap gap-x-5 gap-y-1.5 text-sm">
        <label className="flex items-center gap-2">
          <input
            type="radio"
            name={name}
            checked={chosen === null}
            onChange={() => onChange(null)}
            className="size-4 accent-[var(--accent-solid)]"
          />
          All, with those that come later
        </label>
        <label className="flex items-center gap-2">
          <input
            type="radio"
            name={name}
            checked={chosen !== null}
            onChange={() => onChange([])}
            className="size-4 accent-[var(--accent-solid)]"
          />
          Only some
        </label>
      </div>
      {chosen !== null && <Picker catalogue={catalogue.map((type) => type.name)} chosen={chosen} onChange={onChange} />}
      {error !== undefined && <p className="text-xs font-medium text-bad">{error}</p>}
    </fieldset>
  );
}

interface PickerProps {
  readonly catalogue: readonly string[];
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}

function Picker({ catalogue, chosen, onChange }: PickerProps) {
  const groups = Map.groupBy(catalogue.toSorted(), (type) => (type.includes('.') ? type.slice(0, type.indexOf('.')) : ''));
  const others = chosen.filter((one) => !catalogue.includes(one) && !(one.endsWith('.*') && groups.has(one.slice(0, -2))));
  const toggle = (pattern: string, on: boolean) => onChange(on ? [...chosen, pattern] : chosen.filter((one) => one !== pattern));
  const toggleGroup = (group: string, on: boolean) =>
    onChange([...chosen.filter((one) => !one.startsWith(`${group}.`)), ...(on ? [`${group}.*`] : [])]);
  return (
    <div className="max-h-72 space-y-3 overflow-y-auto rounded-lg border border-line bg-sunken/60 p-3.5">
      {[...groups].map(([group, types]) => {
        const whole = chosen.includes(`${group}.*`);
        return (
          <div key={group} className="space-y-1">
            {group !== '' && (
              <Tick checked={whole} onChange={(on) => toggleGroup(group, on)}>
                <span className="font-medium">{group}.*</span> <span className="text-xs text-ink-3">every type that starts so</span>
              </Tick>
            )}
            <div className={group === '' ? 'space-y-1' : 'space-y-1 pl-6'}>
              {types.map((type) => (
                <Tick key={type} checked={whole || chosen.includes(type)} disabled={whole} onChange={(on) => toggle(type, on)}>
                  <span className="break-all">{type}</span>
                </Tick>
              ))}
            </div>
          </div>
        );
      })}
      {others.map((type) => (
        <Tick key={type} checked onChange={() => toggle(type, false)}>
          <span className="break-all">{type}</span> <span className="text-xs text-ink-3">not in the catalogue</span>
        </Tick>
      ))}
      <OtherType onAdd={(type) => !chosen.includes(type) && toggle(type, true)} />
    </div>
  );
}

interface TickProps {
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly onChange: (on: boolean) => void;
  readonly children: React.ReactNode;
}

function Tick({ checked, disabled = false, onChange, children }: TickProps) {
  return (
    <label className="flex items-start gap-2 text-sm has-disabled:text-ink-3">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-4 shrink-0 accent-[var(--accent-solid)]"
      />
      <span className="min-w-0">{children}</span>
    </label>
  );
}

function OtherType({ onAdd }: { readonly onAdd: (type: string) => void }) {
  const [text, setText] = useState('');
  const add = () => {
    const type = text.trim();
    if (type === '') return;
    onAdd(type);
    setText('');
  };
  return (
    <div className="flex gap-2">
      <Input
        aria-label="Another type or pattern"
        placeholder="another type, or order.*"
        className="font-mono text-xs"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          add();
        }}
      />
      <Button onClick={add}>Add</Button>
    </div>
  );
}
