/**
 * What people are to be told: an outbox, filled in the transactions that give the reasons, from which it is published and mailed later.
 *
 *   waiting ──published──▶ handled ──its mail is due──▶ taken ──could not be sent──▶ due again
 */
import type { ApplicationId, DeliveryId, EndpointId } from '@posthorn/core';
import type { Environment, Notice, NoticeKind, NoticeStore } from '../store.ts';
import type { SharedContext } from './context.ts';
import { all, get, now, run } from './recipe.ts';

export interface NoticeRow {
  readonly id: string;
  readonly kind: NoticeKind;
  readonly environment: Environment;
  readonly application_id: ApplicationId;
  readonly uid: string | null;
  readonly name: string;
  readonly endpoint_id: EndpointId;
  readonly url: string;
  readonly description: string;
  readonly delivery_id: DeliveryId | null;
  readonly event_id: string | null;
  readonly event_type: string | null;
  readonly ordering_key: string | null;
  readonly attempt_count: number | null;
  readonly published_at: number | null;
  readonly at: number;
  readonly detail: string;
  readonly mail_to: string | null;
  readonly mail_tries: number;
}

/** @param select gives notices `n`, each with what it is about: NoticeRow */
export function noticeStore(context: SharedContext, select: string): NoticeStore {
  return {
    async waiting(limit) {
      return (await context.read(() => all<NoticeRow>(`${select} WHERE n.handled_at IS NULL ORDER BY n.pk LIMIT ?`, limit))).map(notice);
    },
    async handled(notices) {
      // Undone by a power loss, they are published once more under the same ids. Their mails are taken with a sync, which keeps this too.
      await context.step(function* () {
        const at = yield* now();
        for (const { id, mailAt } of notices) {
          // Whoever handles it second takes no mail back that the first has sent.
          yield* run('UPDATE notices SET handled_at = ?, mail_at = ? WHERE id = ? AND handled_at IS NULL', at, mailAt, id);
        }
      });
    },
    takeMails(limit) {
      return context.transaction(function* () {
        const rows = yield* all<NoticeRow>(
          `${select} WHERE n.mail_at IS NOT NULL AND n.mail_at <= ? ORDER BY n.mail_at, n.pk LIMIT ?`,
          yield* now(),
          limit,
        );
        for (const { id } of rows) yield* run('UPDATE notices SET mail_at = NULL WHERE id = ?', id);
        return rows.map((row) => ({
          notice: notice(row),
          to: row.mail_to === null ? null : (JSON.parse(row.mail_to) as string[]),
          tries: row.mail_tries,
        }));
      });
    },
    async mailLater(id, { to, at, tries }) {
      const left = to === null ? null : JSON.stringify(to);
      await context.read(() => run('UPDATE notices SET mail_at = ?, mail_to = ?, mail_tries = ? WHERE id = ?', at, left, tries, id));
    },
    async nextMailAt() {
      const next = await context.read(() =>
        get<{ at: number }>('SELECT mail_at AS at FROM notices WHERE mail_at IS NOT NULL ORDER BY mail_at LIMIT 1'),
      );
      return next?.at ?? null;
    },
  };
}

function notice(row: NoticeRow): Notice {
  const detail = JSON.parse(row.detail) as Partial<Notice['detail']>;
  return {
    id: row.id,
    kind: row.kind,
    environment: row.environment,
    application: { id: row.application_id, uid: row.uid, name: row.name },
    endpoint: { id: row.endpoint_id, url: row.url, description: row.description },
    delivery:
      row.delivery_id === null
        ? null
        : {
            id: row.delivery_id,
            event: row.event_id ?? '',
            eventType: row.event_type ?? '',
            orderingKey: row.ordering_key,
            attemptCount: row.attempt_count ?? 0,
            publishedAt: row.published_at ?? 0,
          },
    at: row.at,
    detail: {
      failingSince: detail.failingSince ?? null,
      failures: detail.failures ?? null,
      lastFailure: detail.lastFailure ?? null,
      reason: detail.reason ?? null,
    },
  };
}
