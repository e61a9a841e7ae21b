/** Where a cadence comes from, when that decides how long it holds. */
import type { DispatchView } from '@posthorn/contract';
import { Notice } from '../../ui/notice.tsx';
import { cadenceWords } from '../../words/cadence.ts';

export function Origin({ dispatch }: { readonly dispatch: DispatchView }) {
  const { cadence, cadence_at_start: atStart } = dispatch;
  if (atStart === null) return null;
  if (atStart === cadence)
    return (
      <p className="text-xs text-ink-3">
        Given at the start of the server, by <Setting dispatch={dispatch} />.
      </p>
    );
  return (
    <Notice tone="warn" title={`The next start of the server sets it back to ${cadenceWords(atStart)}`}>
      The server was started with <Setting dispatch={dispatch} />. To keep what is in force now, change or remove that setting.
    </Notice>
  );
}

/** `POSTHORN_CADENCE_SANDBOX`, as a deployment spells it. */
function Setting({ dispatch }: { readonly dispatch: DispatchView }) {
  return (
    <code className="text-xs break-words">
      POSTHORN_CADENCE_{dispatch.environment.toUpperCase()}={dispatch.cadence_at_start}
    </code>
  );
}

export function UntilTheNextStart({ dispatch }: { readonly dispatch: DispatchView }) {
  return (
    <Notice tone="warn" title="What you set here holds until the next start of the server">
      It was started with <Setting dispatch={dispatch} />, and each start sets that again. To keep another cadence, change or remove that
      setting.
    </Notice>
  );
}
