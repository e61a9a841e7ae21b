/**
 * What is done by hand for any number of deliveries at once.
 *
 *   queued (what it is to do is being counted) ──▶ running ──▶ done
 *      └──────────────── by hand, or its endpoint was deleted ──────────▶ canceled
 */

/** `recover`: failed deliveries are sent again. `replay_missing`: events for which the endpoint has no delivery get one. */
export const JOB_KINDS = ['recover', 'replay_missing'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export const JOB_STATES = ['queued', 'running', 'done', 'canceled'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Which deliveries `recover` sends again. */
export const RECOVERABLE_STATUSES = ['failed', 'canceled'] as const;
export type RecoverableStatus = (typeof RECOVERABLE_STATUSES)[number];
