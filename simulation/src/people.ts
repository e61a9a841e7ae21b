/** Those who publish, change their endpoints, and do things by hand. */

import { OPERATOR_UID } from 'posthorn/src/keeper/notices.ts';
import {
  ENVIRONMENTS,
  type EndpointSettings,
  type Environment,
  type EventToPublish,
  type JobRequest,
  type Store,
} from 'posthorn/src/store/store.ts';
import type { Dice } from './dice.ts';
import { SimulatedEndpoint } from './network.ts';
import { jobMade } from './oracle/keeping.ts';
import type { EndpointModel } from './oracle/model.ts';
import { drawTemper, type EndpointPlan } from './plan.ts';
import type { World } from './world.ts';

const SETTINGS: EndpointSettings = {
  url: '',
  description: '',
  eventTypes: [],
  headers: {},
  cadence: null,
  ordering: 'key',
  rateLimit: null,
  maxInFlight: 8,
  retrySchedule: null,
};
/** An application's pages of deliveries, read whole. */
const ALL = { application: null, endpoint: null, event: null, status: null, orderingKey: null, since: null, until: null, cursor: null };

type Wish = (store: Store) => Promise<void>;

export class People {
  readonly #world: World;
  readonly #dice: Dice;
  #applications: string[] = [];
  #events = 0;
  #urls = 0;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice.for('people');
  }

  /** Applications, cadences and endpoints, before anything else happens. */
  async settleIn(store: Store): Promise<void> {
    const { plan, wishes } = this.#world;
    for (const environment of ENVIRONMENTS) {
      await store.environments.setCadence(environment, plan.cadences[environment]);
      wishes.cadenceSet(environment, plan.cadences[environment]);
    }
    for (const uid of ['acme', 'zeta']) this.#applications.push((await store.applications.upsert({ uid, name: uid })).application.id);
    for (const endpoint of plan.endpoints) await this.#create(store, endpoint);
    if (!plan.operator) return;
    const { application } = await store.applications.upsert({ uid: OPERATOR_UID, name: 'Operator' });
    await this.#create(store, this.#dice.pick(plan.endpoints), application.id);
  }

  /** Lets them do things until `until`. */
  begin(until: number): void {
    const { plan } = this.#world;
    this.#every(plan.publishEvery, { until, wish: (store) => this.#publish(store) });
    if (plan.wishEvery !== null) this.#every(plan.wishEvery, { until, wish: (store) => this.#wish()(store) });
  }

  #every(mean: number, { until, wish }: { readonly until: number; readonly wish: Wish }): void {
    const { timeline } = this.#world;
    const next = timeline.now + this.#dice.pause(mean);
    if (next > until) return;
    timeline.at(next, () => {
      this.#do(wish);
      this.#every(mean, { until, wish });
    });
  }

  /** Where the store is in a dispatcher's own process, nobody is heard while that is down or stands still. */
  #do(wish: Wish): void {
    const { store, plan, machines } = this.#world;
    if (store === null || (plan.topology === 'local' && machines.at(-1)?.running !== true)) {
      this.#world.count('asked while everything was down');
      return;
    }
    wish(store).catch((error: unknown) => {
      // A local store goes down with its process, in the middle of a call too.
      if (this.#world.store === store) this.#world.fail('store', `a call of the API failed: ${String(error)}`);
    });
  }

  async #publish(store: Store): Promise<void> {
    const { plan, wishes } = this.#world;
    const application = this.#dice.pick(this.#applications);
    const environment = this.#dice.pick(ENVIRONMENTS);
    const events = Array.from({ length: this.#dice.whole(1, plan.burst) }, (): EventToPublish => {
      this.#events += 1;
      return {
        application,
        type: this.#dice.pick(['order.created', 'shipment.moved']),
        data: '{}',
        orderingKey: this.#dice.chance(0.15) ? null : `k${this.#dice.whole(1, plan.keys)}`,
        id: `e${this.#events}`,
      };
    });
    const result = await store.publish({ environment, events, idempotency: null });
    if (result.kind !== 'published') {
      this.#world.fail('published', `a publish was answered ${result.kind}`);
      return;
    }
    for (const [index, event] of result.events.entries()) {
      wishes.published({ ...event, orderingKey: events[index]?.orderingKey ?? null });
    }
  }

  // ----------------------------------------------------------------------------------------------------------------- wishes

  #wish(): Wish {
    const change =
      (draw: () => Partial<EndpointSettings>): Wish =>
      (store) =>
        this.#change(store, draw());
    const { plan } = this.#world;
    return this.#dice.weighed<Wish>([
      [2, change(() => ({ url: this.#url() }))],
      [1, change(() => ({ maxInFlight: this.#dice.whole(1, 8) }))],
      [1, change(() => ({ rateLimit: this.#dice.pick([null, 0.5, 1, 10]) }))],
      [1, change(() => ({ ordering: this.#dice.pick(['key', 'strict', 'none']) }))],
      [1, change(() => ({ cadence: this.#dice.pick([null, 'immediate', 'every 10s', 'every 5m']) }))],
      [1, change(() => ({ retrySchedule: this.#dice.pick([null, [1, 2, 5], [10]]) }))],
      [2, (store) => this.#pauseOrResume(store)],
      [1, (store) => this.#setCadence(store)],
      [1, (store) => this.#brake(store)],
      [1.5, (store) => this.#open(store)],
      [5, (store) => this.#retry(store)],
      [3, (store) => this.#cancel(store)],
      [1, (store) => this.#cancelAndRetry(store)],
      [0.5, (store) => this.#delete(store)],
      [1, (store) => this.#create(store, this.#dice.pick(this.#world.plan.endpoints))],
      [1.5, async () => this.#changeTemper()],
      [plan.keeperLooksMs === null ? 0 : 3, (store) => this.#makeJob(store)],
      [plan.keeperLooksMs === null ? 0 : 1.5, (store) => this.#catchUp(store)],
    ]);
  }

  #endpoint(): EndpointModel | null {
    const all = [...this.#world.oracle.ledger.endpoints.values()].filter(({ deleted }) => !deleted);
    return all.length === 0 ? null : this.#dice.pick(all);
  }

  #url(): string {
    this.#urls += 1;
    return `https://u${this.#urls}.test/`;
  }

  async #create(
    store: Store,
    { environment, settings, temper }: EndpointPlan,
    application = this.#dice.pick(this.#applications),
  ): Promise<void> {
    const endpoint = await store.endpoints.create({
      application: application as never,
      environment,
      settings: { ...SETTINGS, ...settings, url: this.#url() },
      secret: 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
    });
    if (endpoint === null || endpoint === 'limit') throw new Error('the application is gone');
    const model = this.#world.wishes.endpointCreated(endpoint);
    this.#world.note(() => `e${model.number} is created: ${JSON.stringify({ ...settings, environment, temper })}`);
    this.#world.endpoints.set(endpoint.id, new SimulatedEndpoint(temper, this.#world.dice.for(`endpoint ${model.number}`)));
  }

  async #change(store: Store, change: Partial<EndpointSettings>): Promise<void> {
    const model = this.#endpoint();
    if (model === null) return;
    this.#world.count(`changed in the middle: ${Object.keys(change).join()}`);
    // Told first: a local store wakes its dispatcher before it answers.
    this.#world.wishes.endpointChanged(model, change);
    await store.endpoints.update(model.environment, model.id as never, change);
  }

  async #pauseOrResume(store: Store): Promise<void> {
    const model = this.#endpoint();
    if (model === null) return;
    const status = model.status === 'enabled' ? 'paused' : 'enabled';
    this.#world.count(model.status === 'disabled' ? 'disabled endpoint enabled' : `endpoint ${status === 'paused' ? 'paused' : 'resumed'}`);
    this.#world.wishes.endpointChanged(model, { status });
    await store.endpoints.update(model.environment, model.id as never, { status });
  }

  async #brake(store: Store): Promise<void> {
    const { oracle, wishes } = this.#world;
    const pulled = [...oracle.ledger.brakes];
    const [environment, application] =
      pulled.length > 0 && this.#dice.chance(0.7)
        ? (this.#dice.pick(pulled).split(' ') as [Environment, string])
        : [this.#dice.pick(ENVIRONMENTS), this.#dice.pick(['', ...this.#applications])];
    const isOn = !oracle.ledger.brakes.has(`${environment} ${application}`);
    this.#world.count(isOn ? 'brake pulled' : 'brake let go');
    const scope = application === '' ? null : application;
    wishes.braked(environment, scope, isOn);
    await (isOn ? store.brakes.pause(environment, scope as never) : store.brakes.resume(environment, scope as never));
  }

  async #setCadence(store: Store): Promise<void> {
    const environment = this.#dice.pick(ENVIRONMENTS);
    const cadence = this.#dice.pick(['immediate', 'every 30s', 'every 10m']);
    await store.environments.setCadence(environment, cadence);
    this.#world.count('cadence of an environment changed');
    this.#world.wishes.cadenceSet(environment, cadence);
  }

  async #open(store: Store): Promise<void> {
    this.#world.count('dispatched now');
    if (this.#dice.chance(0.3)) {
      const environment = this.#dice.pick(ENVIRONMENTS);
      // Told first: a local store can go down with its process before it answers, and has opened the gate all the same.
      this.#world.wishes.environmentOpened(environment, this.#world.wall.now());
      await store.environments.open(environment);
      return;
    }
    const model = this.#endpoint();
    if (model === null) return;
    this.#world.wishes.endpointOpened(model, this.#world.wall.now());
    await store.endpoints.open(model.environment, model.id as never);
  }

  async #retry(store: Store): Promise<void> {
    const id = await this.#delivery(store, this.#dice.chance(0.5));
    if (id === null) return;
    const instant = this.#world.wall.now();
    const delivery = await store.deliveries.retry(id.environment, id.id as never);
    if (delivery !== null && delivery !== 'endpoint_deleted') this.#world.wishes.retried(delivery, instant);
  }

  async #cancel(store: Store): Promise<void> {
    const id = await this.#delivery(store, true);
    if (id === null) return;
    const delivery = await store.deliveries.cancel(id.environment, id.id as never);
    if (delivery !== null && delivery !== 'not_pending') this.#world.wishes.canceled(delivery);
  }

  /** Somebody who cannot make up their mind. */
  async #cancelAndRetry(store: Store): Promise<void> {
    const id = await this.#delivery(store, true);
    if (id === null) return;
    const canceled = await store.deliveries.cancel(id.environment, id.id as never);
    if (canceled === null || canceled === 'not_pending') return;
    this.#world.wishes.canceled(canceled);
    const instant = this.#world.wall.now();
    const delivery = await store.deliveries.retry(id.environment, id.id as never);
    if (delivery !== null && delivery !== 'endpoint_deleted') this.#world.wishes.retried(delivery, instant);
  }

  async #delete(store: Store): Promise<void> {
    const model = this.#endpoint();
    if (model === null) return;
    this.#world.count('endpoint deleted');
    this.#world.wishes.endpointDeleted(model);
    await store.endpoints.delete(model.environment, model.id as never);
  }

  async #makeJob(store: Store): Promise<void> {
    const model = this.#endpoint();
    if (model === null) return;
    const task = this.#dice.pick([
      { kind: 'recover', status: 'failed' },
      { kind: 'recover', status: 'failed' },
      { kind: 'recover', status: 'canceled' },
      { kind: 'replay_missing' },
    ] as const);
    await this.#ask(store, model, task);
  }

  /** An endpoint that comes late and wants what it has missed. */
  async #catchUp(store: Store): Promise<void> {
    await this.#create(store, this.#dice.pick(this.#world.plan.endpoints));
    const model = [...this.#world.oracle.ledger.endpoints.values()].at(-1);
    if (model !== undefined) await this.#ask(store, model, { kind: 'replay_missing' });
  }

  async #ask(store: Store, model: EndpointModel, task: JobRequest['task']): Promise<void> {
    const { wall, oracle, timeline } = this.#world;
    const until = wall.now() + 1;
    const since = this.#dice.chance(0.6) ? 0 : until - Math.floor(this.#dice.between(0, timeline.now));
    const job = await store.jobs.create(model.environment, { endpoint: model.id as never, since, until, task });
    if (job === null || job === 'too_many') return;
    jobMade(oracle.ledger, model, job);
    if (!this.#dice.chance(0.15)) return;
    const canceled = await store.jobs.cancel(model.environment, job.id);
    if (canceled !== null && canceled !== 'ended') this.#world.count('job canceled');
  }

  #changeTemper(): void {
    const model = this.#endpoint();
    const endpoint = model === null ? undefined : this.#world.endpoints.get(model.id);
    if (model === null || endpoint === undefined) return;
    endpoint.temper = drawTemper(this.#dice, this.#world.plan);
    this.#world.note(() => `e${model.number} behaves otherwise: ${JSON.stringify(endpoint.temper)}`);
  }

  /** Some delivery: of those that wait, one whose request is out just now by preference. */
  async #delivery(store: Store, pending: boolean): Promise<{ readonly environment: Environment; readonly id: string } | null> {
    const fitting = [...this.#world.oracle.ledger.deliveries.values()].filter(
      ({ status, endpoint }) => (status === 'pending') === pending && !endpoint.deleted,
    );
    if (fitting.length === 0) return null;
    const out = fitting.filter(({ attempts }) => attempts.some(({ outcome }) => outcome === null));
    const { endpoint, eventId } = this.#dice.pick(out.length > 0 && this.#dice.chance(0.5) ? out : fitting);
    const { environment } = endpoint;
    const { data } = await store.deliveries.list(environment, { ...ALL, endpoint: endpoint.id as never, event: eventId, limit: 1 });
    return data[0] === undefined ? null : { environment, id: data[0].id };
  }
}
