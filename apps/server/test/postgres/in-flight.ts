/** A store that knows what it is busy with, for tests on a clock of their own: they move on once nothing is under way. */
import type { Store } from '../../src/store/store.ts';

export class InFlight {
  #count = 0;
  #onIdle: (() => void) | null = null;

  /** The same store; whatever is asked of it, and of its parts, counts until it is answered. */
  watch(store: Store): Store {
    return this.#watched(store);
  }

  /** Until nothing is under way, and nothing follows from what was. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) {
      if (this.#count > 0) {
        turn = 0;
        await new Promise<void>((resolve) => {
          this.#onIdle = resolve;
        });
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #watched<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name, receiver) => {
        const value: unknown = Reflect.get(object, name, receiver);
        if (typeof value === 'function') return (...input: unknown[]) => this.#counted(value.apply(object, input));
        return typeof value === 'object' && value !== null ? this.#watched(value) : value;
      },
    });
  }

  #counted(answer: unknown): unknown {
    if (!(answer instanceof Promise)) return answer;
    this.#count += 1;
    const ended = (): void => {
      this.#count -= 1;
      if (this.#count === 0) this.#onIdle?.();
    };
    answer.then(ended, ended);
    return answer;
  }
}
