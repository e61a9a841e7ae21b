/** The test request, with its answer in place: what it came to, in words, what to mend, and what exactly went out. */
import type { TestResultView } from '@posthorn/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { CircleCheck, CircleX, Send } from 'lucide-react';
import { useState } from 'react';
import { eventTypesQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { AttemptBody, Part } from '../../attempt/attempt-body.tsx';
import { Button } from '../../ui/button.tsx';
import { Code } from '../../ui/code.tsx';
import { Choice } from '../../ui/field.tsx';
import { Instant } from '../../ui/instant.tsx';
import { Failure } from '../../ui/notice.tsx';
import { attemptWords } from '../../words/deliveries.ts';
import { prettyJson } from '../../words/json.ts';
import { precisely } from '../../words/time.ts';

const TEST_TYPE = 'webhook.test';

interface TestRequestProps {
  /** Sends it. `type` is absent for the plain test event. */
  readonly send: (type: string | undefined) => Promise<TestResultView>;
  readonly onResult?: (result: TestResultView) => void;
  readonly disabled?: boolean;
  /** What the test says about itself, under the button. */
  readonly about: string;
}

export function TestRequest({ send, onResult, disabled = false, about }: TestRequestProps) {
  const [type, setType] = useState(TEST_TYPE);
  const { data: types = [] } = useQuery(eventTypesQuery(useScope()));
  const catalogue = types.filter(({ example }) => example !== null);
  const test = useMutation({
    mutationFn: () => send(type === TEST_TYPE ? undefined : type),
    onSuccess: (result) => onResult?.(result),
  });
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-center gap-2">
        <Button icon={<Send className="size-3.5" />} busy={test.isPending} disabled={disabled} onClick={() => test.mutate()}>
          Send test request
        </Button>
        {catalogue.length > 0 && (
          <Choice
            aria-label="What the test request carries"
            className="w-56 max-w-full"
            value={type}
            onChange={(event) => setType(event.target.value)}
          >
            <option value={TEST_TYPE}>a plain test event</option>
            {catalogue.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </Choice>
        )}
      </div>
      {test.data === undefined && test.error === null && <p className="text-xs text-ink-3">{about}</p>}
      {test.error !== null && <Failure error={test.error} />}
      {test.data !== undefined && test.error === null && <TestResult key={test.data.event} result={test.data} />}
    </div>
  );
}

export function TestResult({ result }: { readonly result: TestResultView }) {
  const accepted = result.status === 'succeeded';
  return (
    <div role="status" className="animate-appear overflow-hidden rounded-xl border border-line bg-surface">
      <div className={`flex items-start gap-2.5 px-4 py-3 ${accepted ? 'bg-good-soft' : 'bg-bad-soft'}`}>
        {accepted ? (
          <CircleCheck aria-hidden className="mt-0.5 size-4.5 shrink-0 text-good" />
        ) : (
          <CircleX aria-hidden className="mt-0.5 size-4.5 shrink-0 text-bad" />
        )}
        <div className="flex min-w-0 flex-1 flex-wrap items-baseline justify-between gap-x-4">
          <p className={`text-base font-semibold ${accepted ? 'text-good' : 'text-bad'}`}>
            {accepted ? 'It works' : 'It did not work'}: {attemptWords(result)}
          </p>
          <p className="text-xs text-ink-2">
            {precisely(result.duration_ms)}, <Instant at={result.started_at} />
          </p>
        </div>
      </div>
      <div className="p-4">
        <AttemptBody attempt={result}>
          <Part title="Request body, as it was sent">
            <Code label="request body" language="json" text={prettyJson(result.body)} />
          </Part>
        </AttemptBody>
      </div>
    </div>
  );
}
