/** Time as an argument: the program passes the system's, a simulation its own. */
export interface Clock {
  /** Wall clock, epoch milliseconds. It may step. */
  now(): number;
  /** Milliseconds since some instant. It never steps. */
  monotonic(): number;
  /** Runs `callback` once, no sooner than `ms` milliseconds from now. @returns a function that calls it off */
  after(ms: number, callback: () => void): () => void;
}
