/** The operator's form for one type of the catalogue: a new one, or one that is there. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { ApiProblem, call, JsonText } from '../../api/client.ts';
import { eventTypeQuery, type WrittenEventType } from '../../api/event-type.ts';
import { isCatalogue } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm, Dialog, FormEnd } from '../../ui/dialog.tsx';
import { Field, Input, JsonArea, TextArea } from '../../ui/field.tsx';
import { Failure, Skeleton } from '../../ui/notice.tsx';
import { say } from '../../ui/toasts.tsx';
import { prettyJson } from '../../words/json.ts';
import { bodyText, type DraftErrors, draftErrors, draftOf, type EventTypeDraft, errorsByField } from './event-type-draft.ts';

interface EventTypeFormProps {
  /** Null: a new one. */
  readonly name: string | null;
  readonly onClose: () => void;
  readonly onSaved?: (name: string) => void;
}

const SHARED = 'The catalogue is one for every business and both environments.';

export function EventTypeForm({ name, onClose, onSaved }: EventTypeFormProps) {
  const [touched, setTouched] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const leave = () => (touched ? setLeaving(true) : onClose());
  const saved = (made: string) => {
    onClose();
    onSaved?.(made);
  };
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && leave()}
      title={name === null ? 'Add an event type' : `Edit ${name}`}
      description={SHARED}
    >
      {name === null ? (
        <Form before={null} onTouch={() => setTouched(true)} onClose={leave} onSaved={saved} />
      ) : (
        <Loaded name={name}>{(before) => <Form before={before} onTouch={() => setTouched(true)} onClose={leave} onSaved={saved} />}</Loaded>
      )}
      <Confirm open={leaving} onOpenChange={setLeaving} title="Leave without saving?" action="Discard" danger onConfirm={onClose}>
        What you typed here is not saved.
      </Confirm>
    </Dialog>
  );
}

/** The type as it is now, to the byte: the list holds it as a value. */
function Loaded({ name, children }: { readonly name: string; readonly children: (type: WrittenEventType) => ReactNode }) {
  const scope = useScope();
  // A form that is open is not changed under the fingers of whoever types in it.
  const type = useQuery({ ...eventTypeQuery(scope, name), staleTime: Number.POSITIVE_INFINITY });
  if (type.data !== undefined) return children(type.data);
  return type.error === null ? <Skeleton lines={8} /> : <Failure error={type.error} retry={() => type.refetch()} />;
}

interface FormProps {
  readonly before: WrittenEventType | null;
  readonly onTouch: () => void;
  readonly onClose: () => void;
  readonly onSaved: (name: string) => void;
}

function Form({ before, onTouch, onClose, onSaved }: FormProps) {
  const [draft, setDraft] = useState(() => draftOf(before));
  const [errors, setErrors] = useState<DraftErrors>({});
  const form = useErrorFocus(errors);
  const save = useSave(before, { onSaved, onErrors: setErrors });
  const change = (part: Partial<EventTypeDraft>) => {
    onTouch();
    setDraft((now) => ({ ...now, ...part }));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = draftErrors(draft);
    setErrors(found);
    save.reset();
    if (Object.keys(found).length === 0) save.mutate(draft);
  };
  return (
    <form ref={form} onSubmit={submit} noValidate className="space-y-5">
      {before === null && (
        <Field
          label="Name"
          error={errors.name}
          hint="Words joined by dots, from the general to the particular: shipment.status_updated. It stays as it is."
        >
          <Input
            maxLength={128}
            autoComplete="off"
            spellCheck={false}
            placeholder="shipment.status_updated"
            className="font-mono text-xs"
            value={draft.name}
            onChange={(event) => change({ name: event.target.value })}
          />
        </Field>
      )}
      <Field label="Description" error={errors.description} hint="For your customers: when it is sent.">
        <TextArea rows={2} maxLength={4000} value={draft.description} onChange={(event) => change({ description: event.target.value })} />
      </Field>
      <JsonField
        label="JSON Schema of its data"
        hint="JSON Schema 2020-12. Customers see it as a list of fields."
        rows={12}
        error={errors.schema}
        value={draft.schema}
        onChange={(schema) => change({ schema })}
      />
      <Strict checked={draft.strict} error={errors.strict} onChange={(strict) => change({ strict })} />
      <JsonField
        label="Example of its data"
        hint="Test requests send it. It has to fit the schema."
        rows={8}
        error={errors.example}
        value={draft.example}
        onChange={(example) => change({ example })}
      />
      <FormEnd
        error={Object.keys(errors).length === 0 ? save.error : null}
        action={before === null ? 'Add event type' : 'Save'}
        busy={save.isPending}
        onClose={onClose}
      />
    </form>
  );
}

interface SaveOptions {
  readonly onSaved: (name: string) => void;
  readonly onErrors: (errors: DraftErrors) => void;
}

function useSave(before: WrittenEventType | null, { onSaved, onErrors }: SaveOptions) {
  const scope = useScope();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (draft: EventTypeDraft) => {
      const name = draft.name.trim();
      if (before === null && (await exists(name))) throw new NameTaken();
      return call('PUT /v1/event-types/{name}', { scope, path: { name }, body: new JsonText(bodyText(draft, before)) });
    },
    onSuccess: async ({ name }) => {
      await queries.invalidateQueries({ predicate: isCatalogue });
      say(before === null ? `${name} is in the catalogue.` : 'Saved.');
      onSaved(name);
    },
    onError: (error) => {
      if (error instanceof NameTaken) onErrors({ name: error.message });
      else if (error instanceof ApiProblem) onErrors(errorsByField(error.fields));
    },
  });

  /** The route creates or replaces: a name that is taken would lose what it has. */
  async function exists(name: string): Promise<boolean> {
    try {
      await call('GET /v1/event-types/{name}', { scope, path: { name } });
      return true;
    } catch (error) {
      if (error instanceof ApiProblem && error.code === 'event_type_not_found') return false;
      throw error;
    }
  }
}

class NameTaken extends Error {
  override readonly name = 'NameTaken';
  constructor() {
    super('The catalogue has a type of this name. Open it there to edit it.');
  }
}

/** Leads to the first field that is wrong, once it is known. */
function useErrorFocus(errors: DraftErrors) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (Object.keys(errors).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
  }, [errors]);
  return form;
}

interface JsonFieldProps {
  readonly label: string;
  readonly hint: string;
  readonly rows: number;
  readonly error: string | undefined;
  readonly value: string;
  readonly onChange: (text: string) => void;
}

function JsonField({ label, hint, rows, error, value, onChange }: JsonFieldProps) {
  const pretty = prettyJson(value);
  return (
    <Field
      label={label}
      error={error}
      hint={hint}
      aside={
        <span className="flex items-center gap-2 text-xs text-ink-3">
          {pretty !== value && (
            <Button size="small" look="quiet" className="-my-1" aria-label={`Tidy up: ${label}`} onClick={() => onChange(pretty)}>
              Tidy up
            </Button>
          )}
          optional
        </span>
      }
    >
      <JsonArea rows={rows} value={value} onChange={onChange} />
    </Field>
  );
}

interface StrictProps {
  readonly checked: boolean;
  readonly error: string | undefined;
  readonly onChange: (checked: boolean) => void;
}

function Strict({ checked, error, onChange }: StrictProps) {
  const errorId = useId();
  return (
    <div className="space-y-1.5">
      <label className="flex items-start gap-2 text-sm">
        <input
          type="checkbox"
          checked={checked}
          aria-invalid={error !== undefined || undefined}
          aria-describedby={error === undefined ? undefined : errorId}
          onChange={(event) => onChange(event.target.checked)}
          className="mt-0.5 size-4 shrink-0 accent-[var(--accent-solid)]"
        />
        <span>
          <span className="font-medium">Strict</span>
          <span className="block text-xs text-ink-3">Refuses to publish an event whose data does not fit the schema.</span>
        </span>
      </label>
      {error !== undefined && (
        <p id={errorId} className="text-xs font-medium text-bad">
          {error}
        </p>
      )}
    </div>
  );
}
