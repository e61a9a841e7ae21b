/** A store that tells how long each of its operations took, and what was published. */
import type { Environment, Store } from '../store/store.ts';

export interface StoreObserver {
  /** @param operation such as `lanes.settle` */
  operation(operation: string, seconds: number): void;
  published(environment: Environment, events: number): void;
}

type Operation = (...args: never[]) => unknown;

/** The same store; every promise that it gives is timed until it settles. */
export function observeStore(store: Store, observer: StoreObserver): Store {
  const timed: Store = timeAll(store, '', observer);
  return {
    ...timed,
    async publish(request) {
      const result = await timed.publish(request);
      if (result.kind === 'published' && !result.repeated) observer.published(request.environment, result.events.length);
      return result;
    },
    outbox: {
      ...timed.outbox,
      async take(judge) {
        const taking = await timed.outbox.take(judge);
        for (const [environment, events] of Object.entries(taking?.published ?? {})) observer.published(environment as Environment, events);
        return taking;
      },
    },
  };
}

function timeAll<T extends object>(target: T, prefix: string, observer: StoreObserver): T {
  return Object.fromEntries(
    Object.entries(target).map(([name, member]: [string, unknown]) => {
      if (typeof member === 'function') return [name, timeOne(member as Operation, `${prefix}${name}`, observer)];
      return [name, typeof member === 'object' && member !== null ? timeAll(member, `${prefix}${name}.`, observer) : member];
    }),
  ) as T;
}

function timeOne(operation: Operation, name: string, observer: StoreObserver): Operation {
  return (...args) => {
    const startedAt = performance.now();
    const result = operation(...args);
    if (!(result instanceof Promise)) return result;
    const done = (): void => observer.operation(name, (performance.now() - startedAt) / 1000);
    result.then(done, done);
    return result;
  };
}
