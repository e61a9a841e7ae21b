/** Who changed what, and when. */
import type { AuditEntryView } from '@posthorn/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { KeyRound, ScrollText, Server, User } from 'lucide-react';
import { auditLogQuery, endpointsQuery } from '../../api/queries.ts';
import { useScope } from '../../api/session.ts';
import { Instant } from '../../ui/instant.tsx';
import { LiveList, liveWhileShort } from '../../ui/live-list.tsx';
import { Empty } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Badge } from '../../ui/status.tsx';
import { actionWords, actorWords, targetWords, valueWords } from './actions.ts';

export function AuditLog() {
  const scope = useScope();
  const query = useInfiniteQuery({ ...auditLogQuery(scope), refetchInterval: liveWhileShort });
  const { data: endpoints = [] } = useQuery(endpointsQuery(scope));
  const urls = new Map(endpoints.map(({ id, url }) => [id, url]));
  return (
    <Page title="Audit log" width="medium" about="Who changed what, and when: people on these pages, and programs with their keys.">
      <div className="overflow-hidden rounded-xl border border-line bg-surface">
        <LiveList
          query={query}
          label="Changes"
          row={(entry: AuditEntryView) => <Entry entry={entry} urls={urls} />}
          empty={
            <Empty icon={<ScrollText />} title="Nothing was changed yet">
              Each change of an endpoint, a secret, a key or the team is written down here.
            </Empty>
          }
        />
      </div>
    </Page>
  );
}

const ACTORS = { person: User, key: KeyRound, system: Server };

interface EntryProps {
  readonly entry: AuditEntryView;
  /** Of the endpoints that there are now, by their ids. */
  readonly urls: ReadonlyMap<string, string>;
}

function Entry({ entry, urls }: EntryProps) {
  const { actor, environment } = entry;
  const Icon = ACTORS[actor.kind];
  const changes = Object.entries(entry.changes);
  return (
    <div className="flex gap-3.5 px-4 py-3 sm:px-5">
      <span
        aria-hidden
        className="mt-0.5 flex size-6 shrink-0 items-center justify-center rounded-full bg-none-soft text-ink-3 [&>svg]:size-3.5"
      >
        <Icon />
      </span>
      <div className="min-w-0 flex-1 space-y-1.5">
        <div className="flex flex-wrap items-baseline gap-x-3 gap-y-0.5">
          <p className="min-w-0 flex-1 basis-60 text-sm">
            <strong className="font-medium">{actorWords(actor)}</strong> {actionWords(entry.action)}{' '}
            <code className="text-xs break-all text-ink-3">{targetWords(entry, urls)}</code>
          </p>
          <p className="flex items-center gap-2 text-xs text-ink-2">
            {environment !== null && <Badge tone={environment === 'sandbox' ? 'warn' : 'none'}>{environment}</Badge>}
            <Instant at={entry.at} form="list" />
          </p>
        </div>
        {changes.length > 0 && (
          <dl className="space-y-0.5 text-xs">
            {changes.map(([field, { from, to }]) => (
              <div key={field} className="flex flex-wrap gap-x-2">
                <dt className="text-ink-3">{field.replaceAll('_', ' ')}</dt>
                <dd className="min-w-0 break-all">
                  {from !== null && from !== undefined && (
                    <>
                      <del className="text-ink-3">{valueWords(field, from)}</del> <span aria-hidden>→</span>{' '}
                    </>
                  )}
                  <ins className="no-underline">{valueWords(field, to)}</ins>
                </dd>
              </div>
            ))}
          </dl>
        )}
      </div>
    </div>
  );
}
