/**
 * Faults put into the engine on purpose. Each is a replacement in one file, made while the file is loaded, so that the engine itself
 * carries no switches. A history must catch each of them; where the searched text is gone or came twice, loading fails.
 */

export interface Mutant {
  readonly name: string;
  /** From the top of the repository. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly search: string;
  readonly replace: string;
  /** One that caught it lately, where the first few do not: tried before the others. */
  readonly seed?: number;
}

const LEASE = 'apps/server/src/store/sqlite/lease.ts';
const SCAN = 'apps/server/src/store/sqlite/scan.ts';
const SETTLE = 'apps/server/src/store/sqlite/settle.ts';
const LANE_RUN = 'apps/server/src/dispatcher/lane-run.ts';
const ATTEMPTS = 'apps/server/src/dispatcher/attempts.ts';
const JOBS = 'apps/server/src/store/shared/jobs.ts';
const CORE_SETTLE = 'packages/core/src/settle.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no-fence',
    file: SETTLE,
    search: "'SELECT cadence_group, health_epoch FROM lanes WHERE pk = ? AND holder = ? AND fence = ?'",
    replace: "'SELECT cadence_group, health_epoch FROM lanes WHERE pk = ? AND ? IS NOT NULL AND ? IS NOT NULL'",
  },
  {
    name: 'fence-checked-outside-the-lock',
    file: SETTLE,
    search:
      'const results = await context.db.transactionSyncedAside(() => {\n    const settled = batch.map((settlement) => settleLane(context, settlement, aftermath));',
    replace: `const checked = batch.map(({ lease: { lane, holder, fence } }) =>
    context.db.get('SELECT 1 FROM lanes WHERE pk = ? AND holder = ? AND fence = ?', lane, holder, fence) !== undefined);
  for (let turn = 0; turn < 20; turn += 1) await new Promise<void>((resolve) => context.soon(resolve));
  const results = await context.db.transactionSyncedAside(() => {
    const settled = batch.map((settlement, index) => settleLane(context, checked[index] ? { ...settlement,
      lease: context.db.get('SELECT pk AS lane, holder, fence FROM lanes WHERE pk = ?', settlement.lease.lane) } : settlement, aftermath));`,
  },
  {
    name: 'release-without-fence',
    seed: 165,
    file: LEASE,
    search: 'WHERE pk = ?3 AND holder = ?4 AND fence = ?5`',
    replace: 'WHERE pk = ?3 AND ?4 IS NOT NULL AND ?5 IS NOT NULL`',
  },
  {
    name: 'takeover-before-the-lease-ends',
    file: LEASE,
    search: 'WHERE holder IS NOT NULL AND lease_until <= ?1 RETURNING pk`',
    replace: 'WHERE holder IS NOT NULL AND lease_until <= ?1 + 25000 RETURNING pk`',
  },
  {
    name: 'expired-lease-still-sends',
    file: LANE_RUN,
    search: 'if (this.barred || this.lost || now >= this.leaseUntil || monotonic >= this.goodUntil) return false;',
    replace: 'if (this.barred) return false;',
  },
  {
    name: 'leases-not-void-after-a-restart',
    seed: 52,
    file: 'apps/server/src/store/sqlite/index.ts',
    search: '  voidLeases(context);\n',
    replace: '',
  },
  {
    name: 'settle-lost',
    file: 'apps/server/src/dispatcher/settlements.ts',
    search: '        this.#onTrouble(error);\n',
    replace: "        if (error !== null) return entries.map(() => 'settled' as const);\n",
  },
  {
    name: 'settle-not-repeatable',
    file: SETTLE,
    search: 'if (!appendAttempt(context, attempt, { stale: false })) {',
    replace: 'if (!appendAttempt(context, attempt, { stale: false }) && attempt === null) {',
  },
  {
    name: 'gate-ignored',
    file: 'packages/core/src/cadence.ts',
    search: "return cadence.kind === 'immediate' ? now : stretch(cadence, now).from;",
    replace: 'return now;',
  },
  {
    name: 'retry-gated',
    file: LANE_RUN,
    search: 'if (delivery.dueAt <= now) return true;',
    replace: 'if (delivery.dueAt <= gate) return true;',
  },
  {
    name: 'order-across-leases-forgotten',
    file: SCAN,
    search: "WHERE lane = ? AND status = 'pending' AND seq > ? ORDER BY seq LIMIT +?`",
    replace: `WHERE lane = ? AND status = 'pending' AND seq > ? AND coalesce(due_at, 0) <= \${context.now()} ORDER BY seq LIMIT +?\``,
  },
  {
    name: 'blocked-keys-forgotten',
    file: LANE_RUN,
    search: '    if (key !== null) this.#block(key);\n',
    replace: '    if (key !== null) this.#advance(key, { now: Number.POSITIVE_INFINITY, gate: Number.POSITIVE_INFINITY });\n',
  },
  {
    name: 'failure-lets-its-key-go-before-it-is-settled',
    file: ATTEMPTS,
    search: "if (outcome.kind === 'accepted') run.accepted(delivery, gates.context(run));\n    else run.rejected();",
    replace: 'run.accepted(delivery, gates.context(run));',
  },
  {
    name: 'late-event-skipped-by-the-cursor',
    file: LANE_RUN,
    search: '    this.generation += 1;\n    this.#cursor = 0;\n',
    replace: '    this.generation += 1;\n',
  },
  {
    name: 'marks-lost-at-release',
    seed: 104,
    file: LEASE,
    search: 'first_at = min(coalesce(first_at, ?1), coalesce(?1, first_at)), due_at = min(coalesce(due_at, ?2), coalesce(?2, due_at))',
    replace: 'first_at = ?1, due_at = ?2',
  },
  {
    name: 'breaker-local-to-the-lease',
    file: 'apps/server/src/store/shared/lane-state.ts',
    search: 'breaker: row.probe_at === null ? null : { probeAt: row.probe_at, probes: row.probes },',
    replace: 'breaker: null,',
  },
  {
    name: 'breaker-opened-by-poison',
    file: 'packages/core/src/lane-health.ts',
    search: 'return failed.length >= BREAKER_THRESHOLD || failed.includes(seq) ? failed : [...failed, seq];',
    replace: 'return [...failed, seq];',
  },
  {
    name: 'retry-after-forgotten',
    file: CORE_SETTLE,
    search: 'return context.now + Math.min(asked, longestStepMs(context.schedule));',
    replace: 'return null;',
  },
  {
    name: 'slot-cap-missing',
    file: LANE_RUN,
    search: ': Math.min(this.target.endpoint.maxInFlight, this.#window);',
    replace: ': this.#window;',
  },
  {
    name: 'failing-lane-keeps-its-slots',
    seed: 23,
    file: LANE_RUN,
    search: '    this.#inFlight -= 1;\n    this.#window = 1;\n',
    replace: '    this.#inFlight -= 1;\n',
  },
  {
    name: 'rate-tokens-forgotten-at-release',
    file: LANE_RUN,
    search: '(this.#wished.length > 0 ? 0 : healthFloor(this.state), this.#rateAllowsAt(now)),\n      state: this.state,',
    replace: '(this.#wished.length > 0 ? 0 : healthFloor(this.state)),\n      state: { ...this.state, rateAt: 0 },',
  },
  {
    name: 'by-hand-disturbs-the-automatic-ones',
    file: CORE_SETTLE,
    search: 'if (delivery.byHand && !delivery.resent && !wasLast(delivery, context)) {',
    replace: 'if (delivery.byHand && !delivery.resent && delivery.seq < 0) {',
  },
  {
    name: 'double-replay',
    file: JOBS,
    search: 'wanted: missing === 1 && matchesEventTypes(eventTypes, type)',
    replace: 'wanted: missing >= 0 && matchesEventTypes(eventTypes, type)',
  },
  {
    name: 'expired-too-early',
    seed: 33,
    file: 'packages/core/src/expiry.ts',
    search: 'return Math.min(now - EXPIRY_MS, ',
    replace: 'return Math.min(now - EXPIRY_MS / 7, ',
  },
  {
    name: 'late-not-said',
    file: ATTEMPTS,
    search: '        late: body.late,\n        userAgent,',
    replace: '        late: false,\n        userAgent,',
  },
];
