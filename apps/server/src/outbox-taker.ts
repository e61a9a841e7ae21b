/** Takes what providers put into the outbox, again and again. Every process tries; whose turn it is, the store decides. */
import type { Clock } from '@posthorn/core';
import type { OutboxRow, OutboxVerdict, Store } from './store/store.ts';

/** Between two looks at an empty outbox: how long an event waits here at the most. */
const LOOK_EVERY_MS = 250;
const TROUBLE_PAUSE_MS = 2_000;

export interface OutboxTaker {
  start(): void;
  /** Resolves once nothing is under way. */
  stop(): Promise<void>;
}

export function createOutboxTaker(options: {
  readonly store: Store;
  readonly judge: (rows: readonly OutboxRow[]) => Promise<OutboxVerdict[]>;
  readonly clock: Clock;
  readonly warn: (line: object, message: string) => void;
}): OutboxTaker {
  const { store, judge, clock, warn } = options;
  let stopped = false;
  let callOff = (): void => {};
  let running: Promise<void> = Promise.resolve();

  async function take(): Promise<number> {
    try {
      for (;;) {
        const taking = await store.outbox.take(judge);
        if (taking !== null && taking.refused > 0) {
          warn({ refused: taking.refused }, 'rows of the outbox were refused and set aside: see GET /v1/outbox/refused');
        }
        if (stopped || taking === null || !taking.more) return LOOK_EVERY_MS;
      }
    } catch (error) {
      warn({ err: error }, 'the outbox could not be taken; trying again');
      return TROUBLE_PAUSE_MS;
    }
  }

  function look(): void {
    running = take().then((pause) => {
      if (!stopped) callOff = clock.after(pause, look);
    });
  }

  return {
    start: look,
    stop() {
      stopped = true;
      callOff();
      return running;
    },
  };
}
