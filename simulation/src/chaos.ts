/** What befalls the machines: crashes between any two steps, pauses, clocks that are set, a store in trouble, restarts. */
import type { StoreHint } from 'posthorn/src/store/store.ts';
import type { Dice } from './dice.ts';
import type { Machine } from './machine.ts';
import { RENEW_MS } from './oracle/ledger.ts';
import type { Wire } from './store-link.ts';
import type { Process, World } from './world.ts';

const SECOND = 1000;

/** A crash, or a pause, that waits for a certain step. */
interface Trap {
  readonly what: 'crash' | 'pause';
  readonly machine: Machine;
  /** Null: any call. */
  readonly method: string | null;
  readonly phase: 'before' | 'after';
}

interface Trouble {
  readonly until: number;
  readonly share: number;
}

/** The dispatcher tries again this long after a call failed, at most. */
const TROUBLE_PAUSE_MS = 500;

export class Chaos implements Wire {
  readonly #world: World;
  readonly #dice: Dice;
  readonly local: boolean;
  readonly inOrder: boolean;
  #trap: Trap | null = null;
  #trouble: Trouble = { until: 0, share: 0 };
  #over = false;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice.for('chaos');
    this.local = world.plan.topology === 'local';
    this.inOrder = world.plan.inOrder;
  }

  // ------------------------------------------------------------------------------------------------------------------- wire

  delay(): number {
    return this.#dice.between(0.05, this.#world.plan.delayMs);
  }

  fate(_machine: Machine): 'done' | 'refused' | 'in_doubt' {
    if (this.#world.timeline.now >= this.#trouble.until || !this.#dice.chance(this.#trouble.share)) return 'done';
    const fate = this.#dice.chance(0.5) ? 'refused' : 'in_doubt';
    this.#world.count(fate === 'refused' ? 'store refused a call' : 'store left a call in doubt');
    return fate;
  }

  befalls(machine: Machine, method: string, phase: 'before' | 'after'): 'nothing' | 'crash' | 'pause' {
    if (!machine.alive) return 'crash';
    const trap = this.#trap;
    if (trap === null || trap.machine !== machine || trap.phase !== phase || (trap.method !== null && trap.method !== method))
      return 'nothing';
    this.#trap = null;
    this.#world.count(`${trap.what} just ${phase} a call of the store`);
    if (method === 'settle' && phase === 'after') this.#world.count(`${trap.what} in the middle of a settle`);
    if (trap.what === 'crash') this.#crash(machine, `${phase} ${method}`);
    else this.#stop(machine, `${phase} ${method}`);
    return trap.what;
  }

  broken(error: unknown): void {
    this.#world.fail('store', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  hintArrives(_machine: Machine, hint: StoreHint): boolean {
    if (this.#over || !this.#dice.chance(this.#world.plan.hintLoss)) return true;
    this.#world.oracle.hintLost(hint);
    return false;
  }

  // --------------------------------------------------------------------------------------------------------------- beginning

  /** Opens the store and starts the first dispatchers, at different moments. */
  async begin(until: number): Promise<void> {
    const { plan, timeline } = this.#world;
    if (!this.local) await this.#world.openStore(null);
    else await this.#start();
    if (!this.local) {
      for (let index = 0; index < plan.machines; index += 1) {
        timeline.after(index === 0 ? 0 : this.#dice.between(0, 5 * SECOND), () => this.#startSoon());
      }
    }
    const happen: [number | null, () => void][] = [
      [plan.crashEvery, () => this.#planCrash()],
      [plan.pauseEvery, () => this.#pause()],
      [plan.stepEvery, () => this.#step()],
      [plan.troubleEvery, () => this.#makeTrouble()],
      [plan.drainEvery, () => this.#drain()],
    ];
    for (const [mean, what] of happen) if (mean !== null) this.#every(mean, { until, what });
  }

  /** No further trouble: everyone goes on, and somebody is there to work. */
  async calm(): Promise<void> {
    const { timeline, machines } = this.#world;
    this.#over = true;
    this.#trap = null;
    this.#trouble = { until: 0, share: 0 };
    for (const machine of machines) if (machine.alive && machine.paused !== null) this.#resume(machine);
    await timeline.run(timeline.now + 1);
    if (!this.#world.processes.some(({ machine }) => machine.running)) await this.#start();
  }

  #every(mean: number, { until, what }: { readonly until: number; readonly what: () => void }): void {
    const { timeline } = this.#world;
    const next = timeline.now + this.#dice.pause(mean);
    if (next > until) return;
    timeline.at(next, () => {
      what();
      this.#every(mean, { until, what });
    });
  }

  // ------------------------------------------------------------------------------------------------------- starts and crashes

  #startSoon(): void {
    if (this.local && this.#world.machines.some(({ alive }) => alive)) return;
    this.#start().catch((error: unknown) => this.#world.fail('start', `a dispatcher did not start: ${String(error)}`));
  }

  async #start(): Promise<void> {
    const machine = this.#world.newMachine();
    if (this.local) {
      await this.#world.openStore(machine);
      this.#world.oracle.leasesVoided();
    }
    this.#world.startProcess(machine);
  }

  #running(): Process | null {
    const running = this.#world.processes.filter(({ machine }) => machine.running);
    return running.length === 0 ? null : this.#dice.pick(running);
  }

  #planCrash(): void {
    const machine = this.#running()?.machine;
    if (machine === undefined) return;
    if (this.#dice.chance(0.3)) {
      this.#crash(machine, 'between two steps');
      return;
    }
    this.#setTrap('crash', machine);
  }

  #setTrap(what: Trap['what'], machine: Machine): void {
    const method = this.#dice.weighed<string | null>([
      [4, 'settle'],
      [1, 'lease'],
      [2, 'bodies'],
      [1, 'release'],
      [1, 'renew'],
      [1, 'scan'],
      [1, 'jobs.step'],
      [2, null],
    ]);
    const trap: Trap = { what, machine, method, phase: this.#dice.pick(['before', 'after']) };
    this.#trap = trap;
    this.#world.timeline.after(Math.max(120 * SECOND, this.#world.plan.activeMs / 20), () => {
      if (this.#trap === trap) this.#trap = null;
    });
  }

  #crash(machine: Machine, where: string): void {
    const { oracle, timeline } = this.#world;
    if (!machine.alive) return;
    this.#world.note(() => `${machine.name} crashes ${where}`);
    this.#world.count('crash');
    machine.crash();
    oracle.machineFell(machine);
    if (this.local) this.#closeStore();
    timeline.after(this.#dice.chance(0.5) ? this.#dice.between(100, 5 * SECOND) : this.#dice.between(5 * SECOND, 120 * SECOND), () =>
      this.#startSoon(),
    );
  }

  #closeStore(): void {
    this.#world.closeStore().catch((error: unknown) => this.#world.fail('store', `the store does not close: ${String(error)}`));
  }

  /** A process that is asked to end finishes what is out, and another takes its place. */
  #drain(): void {
    const process = this.#running();
    if (process === null || this.#world.oracle.ledger.books(process.machine).draining) return;
    const { machine, dispatcher } = process;
    const { oracle, timeline } = this.#world;
    this.#world.note(() => `${machine.name} drains`);
    oracle.drains(machine);
    Promise.all([dispatcher.drain(), process.keeper?.drain()]).then(
      () => {
        if (!machine.alive) return;
        oracle.drained(machine);
        machine.crash();
        if (this.local) this.#closeStore();
        timeline.after(this.#dice.between(10, 5 * SECOND), () => this.#startSoon());
      },
      (error: unknown) => this.#world.fail('drain', String(error)),
    );
  }

  // ------------------------------------------------------------------------------------------------- pauses, clocks, the store

  #pause(): void {
    const machine = this.#running()?.machine;
    if (machine === undefined) return;
    if (this.#dice.chance(0.5)) this.#setTrap('pause', machine);
    else this.#stop(machine, 'between two steps');
  }

  #stop(machine: Machine, where: string): void {
    const { oracle, timeline, limits } = this.#world;
    const kind = this.#dice.chance(0.7) ? 'stop' : 'suspend';
    const ms = this.#pauseMs(machine);
    this.#world.note(() => `${machine.name} stands still (${kind}) ${where}, for ${Math.round(ms)} ms`);
    this.#world.count(kind === 'stop' ? 'process stopped' : 'machine suspended');
    if (ms > limits.leaseMs) this.#world.count('pause past the lease');
    machine.pause(kind);
    oracle.machineFell(machine);
    timeline.after(ms, () => this.#resume(machine));
  }

  /** Mostly past the lease, often to the very moment at which one ends: then two dispatchers reach for the lane at once. */
  #pauseMs(machine: Machine): number {
    const { oracle, timeline, limits, wall } = this.#world;
    const ends = [...oracle.ledger.leases.values()]
      .filter((lease) => lease.machine === machine)
      .map(({ untilInstant }) => wall.timelineOf(untilInstant));
    const end = Math.min(...ends) - timeline.now;
    if (end > 100 && end < 2 * limits.leaseMs && this.#dice.chance(0.4)) return end + this.#dice.between(-20, 60);
    return this.#dice.chance(0.7) ? limits.leaseMs * this.#dice.between(1, 5) : this.#dice.between(50, 20 * SECOND);
  }

  #resume(machine: Machine): void {
    if (!machine.alive || machine.paused === null) return;
    machine.resume();
    this.#world.oracle.machineResumed(machine);
  }

  #step(): void {
    const { oracle, timeline, limits, wall } = this.#world;
    const machine = this.#running()?.machine;
    const clock = machine === undefined || this.#dice.chance(0.5) ? wall : machine.wall;
    const by = this.#dice.weighed([
      [3, this.#dice.between(-2, 2) * SECOND],
      [3, this.#dice.between(-90, 90) * SECOND],
      [1, this.#dice.between(-3600, 3600) * SECOND],
    ]);
    this.#world.note(() => `the clock of ${clock === wall ? 'the store' : machine?.name} is set by ${Math.round(by)} ms`);
    this.#world.count(`clock of ${clock === wall ? 'the store' : 'a dispatcher'} set ${by > 0 ? 'forward' : 'back'}`);
    if (clock === wall) oracle.ledger.clockIsSet();
    clock.offset += by;
    oracle.clockSet(timeline.now + Math.abs(by) + limits.leaseMs + RENEW_MS + limits.longestSleepMs);
  }

  #makeTrouble(): void {
    const { oracle, timeline, limits } = this.#world;
    const until =
      timeline.now + (this.#dice.chance(0.7) ? this.#dice.between(50, 3 * SECOND) : this.#dice.between(3 * SECOND, 60 * SECOND));
    this.#trouble = { until, share: this.#dice.pick([0.3, 0.7, 1]) };
    this.#world.note(() => `the store is in trouble until ${Math.round(until)}`);
    this.#world.count('store in trouble');
    oracle.trouble(until + 3 * TROUBLE_PAUSE_MS + RENEW_MS + limits.leaseMs + limits.longestSleepMs);
  }
}
