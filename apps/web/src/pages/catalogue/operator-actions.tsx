/** What an operator can do to a type of the catalogue, beside reading it. */
import type { EventTypeDetailView, EventTypeView } from '@posthorn/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Pencil, Plus, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { call } from '../../api/client.ts';
import { eventTypeQuery } from '../../api/event-type.ts';
import { isCatalogue } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { say, sayFailure } from '../../ui/toasts.tsx';
import { counted } from '../../words/numbers.ts';
import { EventTypeForm } from './event-type-form.tsx';

export function AddEventType() {
  const scope = useScope();
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="primary" icon={<Plus className="size-3.5" />} onClick={() => setOpen(true)}>
        Add an event type
      </Button>
      {open && (
        <EventTypeForm
          name={null}
          onClose={() => setOpen(false)}
          onSaved={(type) => {
            navigate({ to: '/$application/$environment/catalogue/$type', params: { ...scope, type } }).catch(reportError);
          }}
        />
      )}
    </>
  );
}

export function EventTypeActions({ type }: { readonly type: EventTypeView }) {
  const [open, setOpen] = useState<'edit' | 'delete' | null>(null);
  const close = () => setOpen(null);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
      <div className="flex gap-2">
        <Button size="small" icon={<Pencil className="size-3.5" />} onClick={() => setOpen('edit')}>
          Edit
        </Button>
        <Button size="small" icon={<Trash2 className="size-3.5" />} onClick={() => setOpen('delete')}>
          Delete…
        </Button>
      </div>
      <p className="text-xs text-ink-3">
        {type.strict ? 'Strict: a publish that does not fit the schema is refused.' : 'Not strict: a publish is not checked.'}
      </p>
      {open === 'edit' && <EventTypeForm name={type.name} onClose={close} />}
      {open === 'delete' && <DeleteEventType name={type.name} onClose={close} />}
    </div>
  );
}

function DeleteEventType({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const scope = useScope();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { data } = useQuery(eventTypeQuery(scope, name));
  const remove = useMutation({
    mutationFn: () => call('DELETE /v1/event-types/{name}', { scope, path: { name } }),
    onError: sayFailure,
    onSuccess: async () => {
      onClose();
      await navigate({ to: '/$application/$environment/catalogue', params: scope });
      await queries.invalidateQueries({ predicate: isCatalogue });
      say(`${name} is no longer in the catalogue.`);
    },
  });
  return (
    <Confirm
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Delete ${name}?`}
      action="Delete event type"
      danger
      busy={remove.isPending}
      onConfirm={() => remove.mutate()}
    >
      <p>
        Its description, schema and example leave the catalogue, in both environments. Events that were published stay, and what waits is
        delivered. More of this type can be published, with no schema to check them, and test requests can no longer send its example.
      </p>
      <p className="mt-2">{data === undefined ? 'Counting the endpoints that name it…' : subscriberWords(data.subscribers)}</p>
    </Confirm>
  );
}

function subscriberWords(subscribers: EventTypeDetailView['subscribers']): string {
  const { production = 0, sandbox = 0 } = subscribers ?? {};
  if (production + sandbox === 0) return 'No endpoint names it among its event types.';
  const counts = [
    ...(production > 0 ? [`${counted(production, 'endpoint', 'endpoints')} in production`] : []),
    ...(sandbox > 0 ? [`${counted(sandbox, 'endpoint', 'endpoints')} in the sandbox`] : []),
  ];
  return production + sandbox === 1
    ? `${counts.join('')} names it among its event types, and goes on getting it.`
    : `${counts.join(' and ')} name it among their event types, and go on getting it.`;
}
