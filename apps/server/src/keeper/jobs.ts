/** Jobs, a step of each in turn: a small one does not wait for a large one to end. */
import type { Job } from '../store/store.ts';
import type { Chore, ChoreContext } from './keeper.ts';
import { Pace } from './pace.ts';

/** When all jobs are in the hands of other keepers. */
const BUSY_ELSEWHERE_MS = 1_000;

export function jobsChore({ store, clock, lookMs, log }: ChoreContext): Chore {
  /** Counting is cheaper than acting, so each goes at its own pace. */
  const paces = { queued: new Pace(clock), running: new Pace(clock) };
  let turns: Job[] = [];
  let progressed = true;
  return {
    name: 'jobs',
    async step() {
      const job = turns.shift();
      if (job === undefined) {
        const nextMs = progressed ? 0 : BUSY_ELSEWHERE_MS;
        turns = await store.jobs.unfinished();
        progressed = turns.length === 0;
        return { rows: 0, nextMs: progressed ? lookMs : nextMs };
      }
      const pace = job.state === 'queued' ? paces.queued : paces.running;
      const after = await pace.step((limit) => store.jobs.step(job.id, limit));
      if (after === null) return { rows: 0, nextMs: 0 };
      progressed = true;
      if (after.endedAt !== null) {
        const { id, task, endpoint, state, done, createdAt, endedAt } = after;
        log.info({ job: id, kind: task.kind, endpoint, state, done, ms: endedAt - createdAt }, 'job ended');
      }
      return { rows: after.done - job.done, nextMs: pace.tookMs };
    },
  };
}
