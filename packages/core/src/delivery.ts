/**
 * The state machine of a delivery.
 *
 *   pending ──accepted──────────────▶ succeeded ─┐
 *      │ ▲                                       │
 *      │ └──── resend (by hand: late) ◀──────────┤
 *      ├──schedule used up, 410, expired──▶ failed ──┤
 *      └──by its owner, endpoint deleted──▶ canceled ┘
 *
 * A pending delivery waits either for the gate (its first attempt, `dueAt` null) or for an instant (a retry).
 */

export const DELIVERY_STATUSES = ['pending', 'succeeded', 'failed', 'canceled'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Why a delivery ended as `failed` or `canceled`. */
export const DELIVERY_REASONS = [
  'attempts_exhausted',
  'endpoint_gone',
  'expired',
  'canceled_by_hand',
  'endpoint_deleted',
  'application_deleted',
] as const;
export type DeliveryReason = (typeof DELIVERY_REASONS)[number];

export type DeliveryAction = 'accept' | 'fail' | 'cancel' | 'resend';

const TRANSITIONS: Readonly<Record<DeliveryStatus, Partial<Record<DeliveryAction, DeliveryStatus>>>> = {
  pending: { accept: 'succeeded', fail: 'failed', cancel: 'canceled' },
  succeeded: { resend: 'pending' },
  failed: { resend: 'pending' },
  canceled: { resend: 'pending' },
};

/** The status that `action` leads to from `status`, or null where it is not allowed. */
export function nextStatus(status: DeliveryStatus, action: DeliveryAction): DeliveryStatus | null {
  return TRANSITIONS[status][action] ?? null;
}

/** How an endpoint wants its events ordered. */
export const ORDERINGS = ['key', 'strict', 'none'] as const;
export type Ordering = (typeof ORDERINGS)[number];

/** The queue in which a delivery stands within its lane. Those re-sent by hand after their end have queues of their own. */
export interface Queue {
  readonly orderingKey: string | null;
  readonly late: boolean;
}

/**
 * The name of the queue in which a delivery stands, or null when it waits for no other. A late delivery (re-sent by hand after its end)
 * neither waits for what comes in order nor holds it up, since its turn is over; but the late ones of a key keep publish order among themselves.
 */
export function queueName(ordering: Ordering, { orderingKey, late }: Queue): string | null {
  if (ordering === 'none') return null;
  if (ordering === 'strict') return late ? 'late' : 'strict';
  if (orderingKey === null) return null;
  return late ? `late:${orderingKey}` : `key:${orderingKey}`;
}
