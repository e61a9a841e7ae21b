/** The fields of a cadence's form, by its kind. */
import { useId } from 'react';
import { Choice, Field, Input } from '../../ui/field.tsx';
import { type CadenceDraft, type DraftProblem, UNITS, type Unit } from './cadence-draft.ts';

interface FieldsProps {
  readonly draft: CadenceDraft;
  readonly problem: DraftProblem;
  readonly onChange: (part: Partial<CadenceDraft>) => void;
}

const UNIT_WORDS: Readonly<Record<Unit, string>> = { s: 'seconds', m: 'minutes', h: 'hours', d: 'days' };

export function IntervalFields({ draft, problem, onChange }: FieldsProps) {
  return (
    <div className="flex flex-wrap items-start gap-x-3 gap-y-1.5">
      <div className="min-w-0 flex-1">
        <Field label="Every" error={problem.count}>
          <Input inputMode="numeric" autoComplete="off" value={draft.count} onChange={(event) => onChange({ count: event.target.value })} />
        </Field>
      </div>
      <div className="w-36 shrink-0">
        <Field label="Unit">
          <Choice value={draft.unit} onChange={(event) => onChange({ unit: event.target.value as Unit })}>
            {UNITS.map((unit) => (
              <option key={unit} value={unit}>
                {UNIT_WORDS[unit]}
              </option>
            ))}
          </Choice>
        </Field>
      </div>
      <p className="w-full text-xs text-pretty text-ink-3">
        Up to 31 days. Counted from the beginning of 1970 in UTC: every 30 minutes is at :00 and :30, every day at midnight UTC.
      </p>
    </div>
  );
}

const ZONES = Intl.supportedValuesOf('timeZone');

export function ScheduleFields({ draft, problem, onChange }: FieldsProps) {
  const zones = useId();
  return (
    <div className="grid gap-x-4 gap-y-5 sm:grid-cols-[3fr_2fr]">
      <Field
        label="Cron expression"
        error={problem.expression}
        hint="Minute, hour, day of the month, month, day of the week. A sixth field in front is for seconds."
      >
        <Input
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          className="font-mono text-xs"
          value={draft.expression}
          onChange={(event) => onChange({ expression: event.target.value })}
        />
      </Field>
      <Field label="Time zone" error={problem.timeZone} hint="It follows that zone’s summer time.">
        <Input
          list={zones}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          value={draft.timeZone}
          onChange={(event) => onChange({ timeZone: event.target.value })}
        />
        <datalist id={zones}>
          {['UTC', ...ZONES].map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
      </Field>
    </div>
  );
}
