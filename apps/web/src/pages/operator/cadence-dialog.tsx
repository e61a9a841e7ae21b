/** The form of a cadence, with what it would mean before it is set. */
import type { DispatchView } from '@posthorn/contract';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { ApiProblem, call, type Scope } from '../../api/client.ts';
import { Dialog, FormEnd } from '../../ui/dialog.tsx';
import { Segments } from '../../ui/segments.tsx';
import { say } from '../../ui/toasts.tsx';
import { cadenceWords, environmentWords } from '../../words/cadence.ts';
import { type CadenceDraft, type DraftProblem, draftOf, problemOf, readDraft } from './cadence-draft.ts';
import { IntervalFields, ScheduleFields } from './cadence-fields.tsx';
import { UntilTheNextStart } from './cadence-origin.tsx';
import { CadencePreview } from './cadence-preview.tsx';

interface CadenceDialogProps {
  readonly dispatch: DispatchView;
  readonly scope: Scope;
  readonly onClose: () => void;
}

const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** Somebody who types a number has not typed it until a moment later. */
const TYPING_MS = 300;

export function CadenceDialog({ dispatch, scope, onClose }: CadenceDialogProps) {
  const [draft, setDraft] = useState(() => draftOf(dispatch.cadence, OWN_ZONE));
  const form = useRef<HTMLFormElement>(null);
  const reading = readDraft(draft);
  const cadence = 'cadence' in reading ? reading.cadence : null;
  const preview = usePreview(scope, cadence);
  const set = useSetCadence(scope, onClose);
  const refused = refusal(set.error, draft) ?? refusal(preview.error, draft);
  const problem: DraftProblem = 'problem' in reading ? reading.problem : (refused ?? {});
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (Object.keys(problem).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
    else if (cadence !== null) set.mutate(cadence);
  };
  const change = (part: Partial<CadenceDraft>) => {
    set.reset();
    setDraft((before) => ({ ...before, ...part }));
  };
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={`Cadence of ${environmentWords(scope.environment)}`}
      description={`In force now: ${cadenceWords(dispatch.cadence)}.`}
    >
      <form ref={form} onSubmit={submit} noValidate className="space-y-5">
        {dispatch.cadence_at_start !== null && <UntilTheNextStart dispatch={dispatch} />}
        <Segments<CadenceDraft['kind']>
          label="When it sends"
          value={draft.kind}
          options={[
            { value: 'immediate', label: 'At once' },
            { value: 'every', label: 'At intervals' },
            { value: 'cron', label: 'By a schedule' },
          ]}
          onChange={(kind) => change({ kind })}
        />
        {draft.kind === 'every' && <IntervalFields draft={draft} problem={problem} onChange={change} />}
        {draft.kind === 'cron' && <ScheduleFields draft={draft} problem={problem} onChange={change} />}
        <CadencePreview preview={Object.keys(problem).length > 0 ? undefined : preview.data} dispatch={dispatch} ownZone={OWN_ZONE} />
        <FormEnd
          error={refused === null ? (set.error ?? preview.error) : null}
          action="Set cadence"
          busy={set.isPending}
          onClose={onClose}
        />
      </form>
    </Dialog>
  );
}

/** What the server says of it, a moment after the last key. */
function usePreview(scope: Scope, cadence: string | null) {
  const typed = useLater(cadence);
  const { data, error } = useQuery({
    queryKey: ['operator', scope.environment, 'preview', typed],
    queryFn: ({ signal }) => call('GET /v1/dispatch/preview', { scope, signal, query: { cadence: typed ?? '' } }),
    enabled: typed !== null && typed === cadence,
    placeholderData: keepPreviousData,
    // A cadence that is refused stays refused.
    retry: false,
    // Its gate and ticks move on with the clock.
    refetchInterval: ({ state }) => (state.error === null ? 10_000 : false),
  });
  // What was wrong with the one before need not be wrong with this one.
  return { data, error: typed === cadence ? error : null };
}

function useLater<T>(value: T): T {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), TYPING_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return later;
}

function useSetCadence(scope: Scope, onSet: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (cadence: string) => call('PUT /v1/dispatch', { scope, body: { cadence } }),
    onSuccess: async ({ cadence }) => {
      // Of every scope: each business sees when it is sent to.
      await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[2] === 'dispatch' });
      say(`In force from now on: ${cadenceWords(cadence)}.`);
      onSet();
    },
  });
}

function refusal(error: Error | null, draft: CadenceDraft): DraftProblem | null {
  const message = error instanceof ApiProblem ? error.fields['cadence'] : undefined;
  return message === undefined ? null : problemOf(draft, message);
}
