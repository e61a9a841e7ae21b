/** What came of one request, in full: what it means and what to mend, where the time went, and what was answered. */
import type { AttemptView } from '@posthorn/contract';
import type { ReactNode } from 'react';
import { Code, type Language } from '../ui/code.tsx';
import { Notice } from '../ui/notice.tsx';
import { prettyJson } from '../words/json.ts';
import { Timings } from './timings.tsx';

export function AttemptBody({ attempt, children }: { readonly attempt: AttemptView; readonly children?: ReactNode }) {
  const { advice, error_detail: detail, stale } = attempt;
  return (
    <div className="space-y-4">
      {advice !== null && (
        <div className="border-l-2 border-bad-mark pl-3.5">
          <p className="text-sm text-pretty">{advice}</p>
          {detail !== null && <code className="mt-1 block text-xs break-words text-ink-3">{detail}</code>}
        </div>
      )}
      {stale && (
        <Notice tone="none">
          It was reported by a dispatcher that had lost its turn meanwhile, and changed nothing: the endpoint may have seen this event
          twice.
        </Notice>
      )}
      <Timings timings={attempt.timings} durationMs={attempt.duration_ms} />
      {children}
      <Answer attempt={attempt} />
    </div>
  );
}

function Answer({ attempt }: { readonly attempt: AttemptView }) {
  const { response_status: status, response_headers: headers, response_body: body, response_body_truncated: cut } = attempt;
  if (status === null) return null;
  const language: Language = /json/.test(headers?.['content-type'] ?? '') ? 'json' : 'text';
  return (
    <div className="space-y-3">
      <Part title={cut ? 'Response body, its first 16 KiB' : 'Response body'}>
        {body === null || body === '' ? (
          <p className="text-sm text-ink-3">Empty</p>
        ) : (
          <Code label="response body" language={language} text={language === 'json' ? prettyJson(body) : body} wrap={language === 'text'} />
        )}
      </Part>
      {headers !== null && <HeaderList title="Response headers" headers={headers} />}
    </div>
  );
}

export function Part({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="min-w-0">
      <p className="mb-1.5 text-xs font-medium text-ink-3">{title}</p>
      {children}
    </div>
  );
}

interface HeaderListProps {
  readonly title: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly open?: boolean;
  readonly children?: ReactNode;
}

export function HeaderList({ title, headers, open = false, children }: HeaderListProps) {
  const rows = Object.entries(headers);
  return (
    <details open={open} className="group rounded-lg border border-line">
      <summary className="flex list-none items-center gap-2 px-3 py-2 text-xs font-medium text-ink-2 hover:text-ink">
        <svg aria-hidden="true" viewBox="0 0 16 16" className="size-3 transition-transform group-open:rotate-90">
          <path d="m6 4 4 4-4 4" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" />
        </svg>
        {title} <span className="text-ink-3">{rows.length}</span>
      </summary>
      <div className="border-t border-line px-3 py-2.5">
        <dl className="grid grid-cols-[minmax(0,auto)_minmax(0,1fr)] gap-x-4 gap-y-1.5 font-mono text-xs">
          {rows.map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="break-all text-ink-3">{name}</dt>
              <dd className="break-all">{value}</dd>
            </div>
          ))}
        </dl>
        {children}
      </div>
    </details>
  );
}
