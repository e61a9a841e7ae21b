/** What a cadence would mean: when it sends next, and what it does at once to what waits already. */
import type { CadencePreviewView, DispatchView } from '@posthorn/contract';
import { Instant } from '../../ui/instant.tsx';
import { cadenceWords, ticksBetweenMinutes } from '../../words/cadence.ts';
import { counted } from '../../words/numbers.ts';
import { dayAndClock } from '../../words/time.ts';
import { foreignZone } from './cadence-draft.ts';

interface CadencePreviewProps {
  /** Undefined: there is nothing to show yet, or not until something is mended. */
  readonly preview: CadencePreviewView | undefined;
  readonly dispatch: DispatchView;
  readonly ownZone: string;
}

export function CadencePreview({ preview, dispatch, ownZone }: CadencePreviewProps) {
  return (
    <section aria-label="What it would mean" aria-live="polite" className="min-h-44 space-y-3 rounded-lg bg-sunken px-3.5 py-3 text-sm">
      {preview === undefined ? (
        <p className="text-ink-3">Once it can be read, this tells when it would send.</p>
      ) : (
        <>
          <h3 className="font-medium first-letter:uppercase">{cadenceWords(preview.cadence)}</h3>
          <Ticks preview={preview} zone={foreignZone(preview.cadence, ownZone)} />
          <div className="space-y-1 text-ink-2">
            <p>
              <Effect preview={preview} dispatch={dispatch} />
            </p>
            <p>Retries go when they are due, and endpoints with a cadence of their own keep to it.</p>
          </div>
        </>
      )}
    </section>
  );
}

function Ticks({ preview, zone }: { readonly preview: CadencePreviewView; readonly zone: string | null }) {
  if (preview.next.length === 0) return <p className="text-ink-2">Each event leaves as soon as it is published.</p>;
  return (
    <ol aria-label="The next dispatches" className="space-y-0.5 tabular-nums">
      {preview.next.map((at) => (
        <li key={at} className="flex flex-wrap gap-x-3">
          <Tick at={at} cadence={preview.cadence} />
          <span className="text-ink-3">
            {zone === null ? <Instant at={at} form="until" /> : <Tick at={at} cadence={preview.cadence} zone={zone} />}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** An instant that a cadence speaks of, with seconds where it needs them. */
function Tick({ at, cadence, zone = null }: { readonly at: string; readonly cadence: string; readonly zone?: string | null }) {
  return (
    <time dateTime={at}>
      {dayAndClock(new Date(at), { seconds: ticksBetweenMinutes(cadence), timeZone: zone })}
      {zone !== null && ` in ${zone}`}
    </time>
  );
}

/** The gate opens at once for what was published up to it: nothing waits for a change to become known. */
function Effect({ preview, dispatch }: { readonly preview: CadencePreviewView; readonly dispatch: DispatchView }) {
  const { cadence, gate } = preview;
  const { pending, oldest_pending_at: oldest } = dispatch;
  const [next] = preview.next;
  if (cadence === dispatch.cadence) return 'It is in force already: nothing changes.';
  if (pending === 0 || oldest === null) return 'Nothing waits now, so nothing leaves at once.';
  if (dispatch.paused_at !== null) return 'The brake is on: what waits goes on waiting until sending is resumed.';
  const waiting = `${counted(pending, 'delivery waits', 'deliveries wait')} now.`;
  if (next === undefined) return `${waiting} Whatever of it waits for a dispatch leaves at once.`;
  const later = <Tick at={next} cadence={cadence} />;
  if (gate === null || oldest > gate)
    return (
      <>
        {waiting} Nothing of it leaves at once: what waits for a dispatch goes at {later}.
      </>
    );
  return (
    <>
      {waiting} What was published up to <Tick at={gate} cadence={cadence} /> and waits for a dispatch leaves at once; what came later goes
      at {later}.
    </>
  );
}
