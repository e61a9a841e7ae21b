/**
 * One leased lane in memory: which of its pending deliveries may go now, in which order.
 *
 * The run scans the lane forward once and sorts what it sees into: ready (goes as soon as there is a slot), queued behind a delivery of the same
 * key that is out, or blocked (the head of its key waits for a later instant). Of the blocked it remembers only the *key*: looking
 * again for "is an earlier one pending?" cost 500 ms a look behind a key with 500,000 followers.
 *
 * Nothing in here does I/O or reads a clock.
 */
import { healthFloor, queueName, rateAfter, rateAllowsAt, type Standing, standing } from '@posthorn/core';
import type { DueResult, LaneRelease, LaneState, LaneTarget, LeasedLane, ScannedDelivery, ScanResult } from '../store/store.ts';

/** Deliveries a run knows of at once; past this it stops scanning until some have gone. */
const MOST_KNOWN = 512;
/** A lane of at most this many is scanned anew rather than on: one step of a scan. */
const SHORT = 256;
/** Followers remembered per key; what comes later is asked for by key when their turn comes. */
const MOST_FOLLOWERS = 64;

interface KeyQueue {
  /** The key whose deliveries they are, and whether the late ones; null in strict order, where no index finds the next. */
  readonly source: { readonly orderingKey: string; readonly late: boolean } | null;
  followers: ScannedDelivery[];
  /** There are more followers, after this seq. */
  moreAfter: number | null;
}

export class LaneRun {
  readonly lane: number;
  readonly leased: LeasedLane;
  #target: LaneTarget;
  #host: string;
  state: LaneState;
  openedAt: number;
  group: string;
  leaseUntil: number;
  /** The lease's end by the holder's own monotonic clock, counted from before it was asked for: the wall clock may be set back. */
  goodUntil = Number.POSITIVE_INFINITY;
  /** By the monotonic clock. */
  heldSince = 0;
  /** Counts rescans: what was looked up before one must not be sorted in after it. */
  generation = 0;
  /** Deliveries started under this lease. */
  started = 0;
  /** The endpoint's row changed: look before the next attempt. */
  targetStale = false;
  /** No more attempts under this lease: only what is out is awaited. */
  stopping = false;
  /** Not even what took a slot already leaves: the endpoint is not enabled any more. */
  barred = false;
  /** A scan or a look at the target is under way. */
  busy = false;
  /** The lease is lost: whatever comes back is appended, nothing else. */
  lost = false;

  #cursor = 0;
  /** Deliveries seen since the scan began at the start. */
  #scanned = 0;
  /** It was scanned on beyond marks that are taken by now: something may have come before the cursor. */
  #wentOn = false;
  #ended = false;
  /** Asked for by hand: first in turn, and held by no floor. */
  #wished: ScannedDelivery[] = [];
  #ready: ScannedDelivery[] = [];
  #queues = new Map<string, KeyQueue>();
  /** Whether a follower was seen behind it. */
  #blocked = new Map<string, boolean>();
  /** What is due, or asked for by hand, is to be looked for by its own index: a scan from the start would begin anew with each, and get nowhere. */
  #wantsDue = false;
  /** There is more of that than one look gave. */
  #moreDue = false;
  /** The last look gave nothing new: the next would not either, before something of it has ended. */
  #dueIsKnown = false;
  /** Once the scan has come to its end, it begins at the start again: something changed behind the cursor. */
  #again = false;
  /** Out, or back and not settled yet. */
  #active = new Map<number, ScannedDelivery>();
  /** Seqs in #ready, in followers or in #active. */
  #known = new Set<number>();
  /** Keys whose remembered followers are used up while more wait in the store. */
  #keysToFetch = new Map<string, number>();
  /** Of #active, those that were accepted: their key has moved on already. */
  #accepted = new Set<number>();
  /** Of #active, those that were out when the lane was scanned from its start: what was asked of them meanwhile is not known yet. */
  #overlooked = new Set<number>();
  /** Settled while a look at the store was under way, whose answer may still show them as they were. */
  #settledMeanwhile = new Set<number>();
  /** Queues in which something was asked for by hand that is not their head: it goes when it is. */
  #wishedIn = new Set<string>();
  #inFlight = 0;
  #window: number;
  #succeeded = false;
  /** The publish of the first delivery that ended a scan because it waits for its gate. */
  #gatedFrom: number | null = null;
  /** The same of what was seen and set aside until then: it may stand behind the cursor, or in a blocked queue. */
  #gatedAside: number | null = null;
  #dueAt: number | null = null;

  constructor(leased: LeasedLane) {
    this.leased = leased;
    this.lane = leased.lease.lane;
    this.#target = leased.target;
    this.#host = hostOf(leased.target);
    this.state = leased.state;
    this.#window = this.standing === 'failing' ? 1 : Number.POSITIVE_INFINITY;
    this.openedAt = leased.openedAt;
    this.group = leased.group;
    this.leaseUntil = leased.leaseUntil;
  }

  get target(): LaneTarget {
    return this.#target;
  }

  set target(target: LaneTarget) {
    this.#target = target;
    this.#host = hostOf(target);
  }

  /** Host and port of the endpoint's URL. */
  get host(): string {
    return this.#host;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get standing(): Standing {
    return standing(this.state);
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** The earliest instant at which something that was seen and set aside falls due, the gate's aside. */
  get nextDueAt(): number | null {
    return this.#dueAt;
  }

  /** The publish of the first delivery that waits for its gate. */
  get gatedFrom(): number | null {
    return this.#gatedAside === null ? this.#gatedFrom : earlier(this.#gatedFrom, this.#gatedAside);
  }

  get wantsScan(): boolean {
    return !this.stopping && !this.#ended && this.#known.size < MOST_KNOWN && this.#ready.length < MOST_FOLLOWERS;
  }

  /** What is due, or was asked for by hand, is to be looked for. */
  get wantsDue(): boolean {
    return (
      !this.stopping &&
      (this.#wantsDue || (this.#moreDue && !this.#dueIsKnown)) &&
      this.#wished.length + this.#ready.length < MOST_FOLLOWERS
    );
  }

  /** A key whose next followers have to be read from the store, with the seq after which they come. */
  get keyToFetch(): { readonly queue: string; readonly orderingKey: string; readonly late: boolean; readonly after: number } | null {
    for (const [queue, after] of this.#keysToFetch) {
      const source = this.#queues.get(queue)?.source ?? null;
      if (source !== null) return { queue, ...source, after };
    }
    return null;
  }

  get hasReady(): boolean {
    return this.#wished.length > 0 || this.#ready.length > 0;
  }

  get hasWishes(): boolean {
    return this.#wished.length > 0;
  }

  /** Nothing is out and nothing can go: the lane can be given back. */
  get finished(): boolean {
    if (this.busy || this.#active.size > 0) return false;
    return this.stopping || !this.#isUnfinished();
  }

  /** When rate and health let the next attempt start; in the past when it may start now. */
  startsAt(now: number): number {
    const byRate = this.#rateAllowsAt(now);
    return this.#wished.length > 0 ? byRate : Math.max(byRate, healthFloor(this.state));
  }

  #rateAllowsAt(now: number): number {
    const { rateLimit } = this.target.endpoint;
    return rateLimit === null ? 0 : rateAllowsAt(rateLimit, this.state.rateAt, { now });
  }

  /**
   * Nothing can go before an open breaker's next probe, or the end of a pause that was asked for: the lane's row remembers until when. While something
   * is out, or no scan from the start has come back, that cannot be said: there may be what was asked for by hand.
   */
  isHeldBack(now: number): boolean {
    const isScanned = !this.busy && !this.#wantsDue && (this.#ended || this.#cursor > 0);
    return isScanned && this.#wished.length === 0 && this.#active.size === 0 && healthFloor(this.state) > now;
  }

  /** The endpoint is not enabled any more. */
  bar(): void {
    this.stopping = true;
    this.barred = true;
  }

  /** Whether what took its slot a moment ago may still leave: the look for its body can take long, and much can happen meanwhile. */
  mayLeave(delivery: ScannedDelivery, { now, monotonic }: { readonly now: number; readonly monotonic: number }): boolean {
    if (this.barred || this.lost || now >= this.leaseUntil || monotonic >= this.goodUntil) return false;
    return delivery.byHand || healthFloor(this.state) <= now;
  }

  /** Whether the next ready delivery may start at `now`. */
  canStart(now: number): boolean {
    if (this.stopping || this.targetStale || this.lost || !this.hasReady) return false;
    if (this.#inFlight >= this.#slots() || now >= this.leaseUntil) return false;
    return this.startsAt(now) <= now;
  }

  /** Takes the next ready delivery; it counts as in flight from now on. Call only where `canStart`. */
  take(now: number): ScannedDelivery {
    const delivery = this.#wished.shift() ?? this.#ready.shift();
    if (delivery === undefined) throw new Error('take() without anything ready');
    this.#active.set(delivery.seq, delivery);
    this.#inFlight += 1;
    this.started += 1;
    const { rateLimit } = this.target.endpoint;
    if (rateLimit !== null) this.state = { ...this.state, rateAt: rateAfter(rateLimit, this.state.rateAt, { now }) };
    return delivery;
  }

  /**
   * A lane falls to one slot with a failure and stays there until a success, over leases too; then its slots double by its
   * successes: a dead endpoint never holds more than it must, a live one has all its own after a few answers.
   */
  #slots(): number {
    return this.#wished.length > 0 ? this.target.endpoint.maxInFlight : Math.min(this.target.endpoint.maxInFlight, this.#window);
  }

  /** Sorts in what a scan found. @param context.gate the gate of this lane, everything opened weighed in */
  absorb(result: ScanResult, context: { readonly now: number; readonly gate: number }): void {
    this.#cursor = Math.max(this.#cursor, result.cursor);
    this.#scanned += result.deliveries.length;
    for (const delivery of result.deliveries) this.#sortIn(delivery, context);
    if (result.moreBeyond) {
      this.#moreDue = true;
      this.#dueIsKnown = false;
    }
    if (result.gatedFrom !== null) this.#gatedFrom = earlier(this.#gatedFrom, result.gatedFrom);
    this.#ended = result.end;
    this.#noteBeyond(result);
  }

  /** Sorts in what is due, or was asked for by hand, and heads its queue. */
  absorbDue(result: DueResult, context: { readonly now: number; readonly gate: number }): void {
    this.#wantsDue = false;
    const known = this.#known.size;
    for (const delivery of result.deliveries) this.#unblock(delivery, context);
    this.#moreDue = result.moreBeyond;
    this.#dueIsKnown = this.#known.size === known;
    this.#noteBeyond(result);
  }

  /** What every look ends with. */
  #noteBeyond({ wishedBehind, dueBeyond }: DueResult): void {
    for (const delivery of wishedBehind) this.#wishedIn.add(this.#keyOf(delivery) ?? '');
    if (dueBeyond !== null) this.#dueAt = earlier(this.#dueAt, dueBeyond);
    this.#settledMeanwhile.clear();
    if (this.#ended && this.#again) this.rescan();
  }

  #unblock(delivery: ScannedDelivery, context: { readonly now: number; readonly gate: number }): void {
    if (this.#known.has(delivery.seq) || this.#settledMeanwhile.has(delivery.seq)) return;
    if (!this.#due(delivery, context)) return;
    const key = this.#keyOf(delivery);
    if (key !== null) {
      // It heads its queue by the store, and another does by what is known here: one of the two is about to change.
      if (this.#queues.has(key)) {
        this.#again = true;
        return;
      }
      // The scan passed over its followers; those beyond the cursor it will sort in by itself.
      const followed = this.#blocked.get(key) === true && delivery.seq <= this.#cursor;
      this.#queues.set(key, { source: this.#sourceOf(delivery), followers: [], moreAfter: followed ? delivery.seq : null });
      this.#blocked.delete(key);
    }
    this.#makeReady(delivery);
  }

  /** Sorts in followers of one key that `keyToFetch` asked for. @param limit how many were asked for */
  absorbKey(
    name: string,
    deliveries: readonly ScannedDelivery[],
    context: { readonly now: number; readonly gate: number; readonly limit: number },
  ): void {
    this.#keysToFetch.delete(name);
    const queue = this.#queues.get(name);
    if (queue === undefined) return;
    for (const delivery of deliveries) {
      if (this.#known.has(delivery.seq) || this.#settledMeanwhile.has(delivery.seq)) continue;
      this.#known.add(delivery.seq);
      queue.followers.push(delivery);
    }
    this.#settledMeanwhile.clear();
    queue.moreAfter = deliveries.length === context.limit ? (deliveries.at(-1)?.seq ?? null) : null;
    this.#advance(name, context);
  }

  /** The attempt was accepted: the next of its key may go, even before this one is settled. */
  accepted(delivery: ScannedDelivery, context: { readonly now: number; readonly gate: number }): void {
    this.#inFlight -= 1;
    this.#window *= 2;
    this.#succeeded = true;
    this.#accepted.add(delivery.seq);
    const key = this.#keyOf(delivery);
    if (key !== null) this.#advance(key, context);
  }

  /** The attempt ended otherwise: its key stands still until that is settled. */
  rejected(): void {
    this.#inFlight -= 1;
    this.#window = 1;
  }

  /** What the attempt came to is on disk. `stillPending`: a retry is due at `dueAt`, null for its gate. `lookAnew`: it may be otherwise in the store. */
  settled(
    delivery: ScannedDelivery,
    end: { readonly accepted: boolean; readonly stillPending: boolean; readonly dueAt: number | null; readonly lookAnew?: boolean },
    context: { readonly now: number; readonly gate: number },
  ): void {
    this.#active.delete(delivery.seq);
    this.#accepted.delete(delivery.seq);
    this.#known.delete(delivery.seq);
    if (this.busy) this.#settledMeanwhile.add(delivery.seq);
    this.#dueIsKnown = false;
    const overlooked = this.#overlooked.delete(delivery.seq);
    const key = this.#keyOf(delivery);
    if (end.lookAnew === true) this.rescan();
    else if (end.stillPending) {
      // It may have been canceled, or asked for by hand, while its request was out. One that was sent by hand may go by its gate now.
      if (overlooked || (end.dueAt === null && delivery.publishedAt <= context.gate)) this.rescan();
      else this.#setAside(delivery, end.dueAt);
    } else if (key !== null) {
      if (!end.accepted) this.#advance(key, context);
      // What was asked for by hand may head its queue now, beyond the gate at which the scan stopped.
      if (this.#wishedIn.has(key) && !this.#queues.has(key)) this.rescan();
    }
  }

  #setAside(delivery: ScannedDelivery, dueAt: number | null): void {
    if (dueAt === null) this.#gatedAside = earlier(this.#gatedAside, delivery.publishedAt);
    else this.#dueAt = earlier(this.#dueAt, dueAt);
    const key = this.#keyOf(delivery);
    if (key !== null) this.#block(key);
  }

  /** It did not go out after all: it is the next again. */
  putBack(delivery: ScannedDelivery): void {
    this.#inFlight -= 1;
    this.#active.delete(delivery.seq);
    this.#known.delete(delivery.seq);
    // Before a scan from the start it might have been asked for otherwise, or been canceled.
    if (this.#overlooked.delete(delivery.seq)) this.rescan();
    else {
      this.#known.add(delivery.seq);
      (delivery.byHand ? this.#wished : this.#ready).unshift(delivery);
    }
  }

  /** It did not go out, and is not any more what the scan said of it. */
  scanAgain(delivery: ScannedDelivery): void {
    this.#overlooked.add(delivery.seq);
    this.putBack(delivery);
  }

  /** It turned out not to be pending any more (canceled): it never went out. */
  vanished(delivery: ScannedDelivery, context: { readonly now: number; readonly gate: number }): void {
    this.#inFlight -= 1;
    this.settled(delivery, { accepted: false, stillPending: false, dueAt: null }, context);
  }

  /**
   * Looks for what was published since. It may stand before the cursor: who published earlier may have committed later. So a short lane is scanned from its
   * start; a long one is scanned on, and leaves that look to its next holder.
   */
  resume(): void {
    if (this.#isShort()) {
      this.rescan();
      return;
    }
    this.#ended = false;
    this.#gatedFrom = null;
    this.#wentOn = true;
  }

  /** Something that was set aside is due by now. */
  fellDue(): void {
    if (this.#isShort()) {
      this.rescan();
      return;
    }
    this.#dueAt = null;
    this.#wantsDue = true;
  }

  /** Something changed behind the cursor: it was asked for by hand, sent again by a job, or canceled. */
  changed(): void {
    if (this.#ended || this.#isShort()) {
      this.rescan();
      return;
    }
    this.#wantsDue = true;
    this.#again = true;
  }

  /** To begin again costs no more than to go on. In strict order nothing is found but by going through. */
  #isShort(): boolean {
    return this.target.endpoint.ordering === 'strict' || (this.#ended && this.#scanned <= SHORT);
  }

  /** Something that waited for its gate may go now. */
  gateOpened(gate: number): void {
    if (this.#gatedAside !== null && this.#gatedAside <= gate) this.rescan();
    else this.resume();
  }

  /** Whether the lane has to make room for others that wait for a lease: it had its share, or is of no use to it now. */
  givesWay(options: { readonly now: number; readonly quantum: number; readonly heldMs: number }): boolean {
    if (this.started >= options.quantum) return true;
    // It waited for its turn among the lanes; now it waits for a slot, and would lose both.
    if (this.started === 0 && this.hasReady && this.startsAt(options.now) <= options.now) return false;
    return options.heldMs >= 1000 && (!this.#succeeded || this.standing === 'failing' || this.startsAt(options.now) > options.now);
  }

  /** Forgets all but what is out, and scans from the start: something changed behind the cursor, or fell due. */
  rescan(): void {
    this.generation += 1;
    this.#cursor = 0;
    this.#scanned = 0;
    this.#wentOn = false;
    this.#again = false;
    this.#wantsDue = false;
    this.#moreDue = false;
    this.#ended = false;
    this.#wished = [];
    this.#ready = [];
    this.#blocked.clear();
    this.#keysToFetch.clear();
    this.#wishedIn.clear();
    this.#gatedFrom = null;
    this.#gatedAside = null;
    this.#dueAt = null;
    this.#known = new Set(this.#active.keys());
    // An accepted delivery's key is not held by it any more: whoever heads that key now is found by the scan.
    const holding = [...this.#active.values()].filter(({ seq }) => !this.#accepted.has(seq));
    this.#settledMeanwhile.clear();
    for (const { seq } of holding) this.#overlooked.add(seq);
    const out = new Set(holding.map((delivery) => this.#keyOf(delivery)));
    for (const [key, queue] of this.#queues) {
      if (out.has(key)) {
        queue.followers = [];
        queue.moreAfter = null;
      } else {
        this.#queues.delete(key);
      }
    }
  }

  /** Something is ready, or to be looked for. */
  #isUnfinished(): boolean {
    return !this.#ended || this.#wantsDue || this.#moreDue || this.hasReady || this.#keysToFetch.size > 0;
  }

  /** What the lane's row must know when it is given back. @param now asks for another look at once where something is left */
  release(now: number): LaneRelease {
    // The next holder scans from the start.
    const unfinished = this.#isUnfinished() || this.#wentOn || this.#again;
    return {
      lease: this.leased.lease,
      firstAt: this.gatedFrom,
      dueAt: unfinished ? now : this.#dueAt,
      // What was asked for by hand waits for no floor; the next holder learns that of the others from the state.
      notBefore: Math.max(this.#wished.length > 0 ? 0 : healthFloor(this.state), this.#rateAllowsAt(now)),
      state: this.state,
    };
  }

  #keyOf(delivery: ScannedDelivery): string | null {
    return queueName(this.target.endpoint.ordering, delivery);
  }

  #sortIn(delivery: ScannedDelivery, context: { readonly now: number; readonly gate: number }): void {
    if (this.#known.has(delivery.seq) || this.#settledMeanwhile.has(delivery.seq)) return;
    const key = this.#keyOf(delivery);
    if (key === null) {
      if (this.#due(delivery, context)) this.#makeReady(delivery);
      return;
    }
    if (this.#blocked.has(key)) {
      this.#blocked.set(key, true);
      return;
    }
    const queue = this.#queues.get(key);
    if (queue === undefined) {
      if (this.#due(delivery, context)) {
        this.#queues.set(key, { source: this.#sourceOf(delivery), followers: [], moreAfter: null });
        this.#makeReady(delivery);
      } else {
        this.#blocked.set(key, false);
      }
    } else if (queue.moreAfter === null) {
      const last = queue.followers.at(-1);
      // In strict order everything is one queue, and no index finds its next part: there the scan itself stops instead (MOST_KNOWN).
      if (queue.followers.length < MOST_FOLLOWERS || queue.source === null || last === undefined) {
        this.#known.add(delivery.seq);
        queue.followers.push(delivery);
      } else {
        queue.moreAfter = last.seq;
      }
    }
  }

  #sourceOf({ orderingKey, late }: ScannedDelivery): KeyQueue['source'] {
    return this.target.endpoint.ordering === 'strict' || orderingKey === null ? null : { orderingKey, late };
  }

  /** Whether it may go now; if not, notes when. */
  #due(delivery: ScannedDelivery, { now, gate }: { readonly now: number; readonly gate: number }): boolean {
    if (delivery.byHand) return true;
    if (delivery.dueAt !== null) {
      if (delivery.dueAt <= now) return true;
      this.#dueAt = earlier(this.#dueAt, delivery.dueAt);
      return false;
    }
    if (delivery.publishedAt <= gate) return true;
    this.#gatedAside = earlier(this.#gatedAside, delivery.publishedAt);
    return false;
  }

  #makeReady(delivery: ScannedDelivery): void {
    this.#known.add(delivery.seq);
    (delivery.byHand ? this.#wished : this.#ready).push(delivery);
  }

  /** The head of `key` is done with: its next one steps up. */
  #advance(key: string, context: { readonly now: number; readonly gate: number }): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    const next = queue.followers.shift();
    if (next !== undefined) {
      this.#known.delete(next.seq);
      if (this.#due(next, context)) this.#makeReady(next);
      else this.#block(key);
    } else if (queue.moreAfter !== null) {
      this.#keysToFetch.set(key, queue.moreAfter);
    } else {
      this.#queues.delete(key);
    }
  }

  #block(key: string): void {
    const queue = this.#queues.get(key);
    for (const { seq } of queue?.followers ?? []) this.#known.delete(seq);
    this.#queues.delete(key);
    this.#keysToFetch.delete(key);
    this.#blocked.set(key, queue !== undefined && (queue.followers.length > 0 || queue.moreAfter !== null));
  }
}

function hostOf({ endpoint }: LaneTarget): string {
  return URL.parse(endpoint.url)?.host ?? '';
}

function earlier(a: number | null, b: number): number {
  return a === null ? b : Math.min(a, b);
}
