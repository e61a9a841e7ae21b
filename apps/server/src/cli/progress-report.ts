/** How far a long command is: one line that renews itself on a terminal, a plain line every few seconds elsewhere. */

/** What is told, in rows. */
export interface Advance {
  /** `copying deliveries`, say. */
  readonly doing: string;
  readonly part: { readonly done: number; readonly total: number };
  readonly overall: { readonly done: number; readonly total: number };
}

/** Where it is told: a stream such as standard error. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const REDRAWN_EVERY_MS = 100;
const LINE_EVERY_MS = 5_000;
const BAR_WIDTH = 20;
const CLEAR_LINE = '\r\x1b[2K';

export class ProgressReport {
  readonly #screen: Screen;
  readonly #now: () => number;
  /** When and where this run began: one that goes on with another's work has not done that by itself. */
  #start: { readonly at: number; readonly done: number } | null = null;
  #toldAt: number;
  #drawn = false;

  /** @param now a clock, milliseconds */
  constructor(screen: Screen, now: () => number) {
    this.#screen = screen;
    this.#now = now;
    this.#toldAt = now();
  }

  tell(advance: Advance): void {
    const now = this.#now();
    this.#start ??= { at: now, done: advance.overall.done };
    if (now - this.#toldAt < (this.#screen.isTTY === true ? REDRAWN_EVERY_MS : LINE_EVERY_MS)) return;
    this.#toldAt = now;
    const line = progressLine(advance, { elapsedMs: now - this.#start.at, done: advance.overall.done - this.#start.done });
    if (this.#screen.isTTY !== true) {
      this.#screen.write(`${line}\n`);
      return;
    }
    this.#drawn = true;
    this.#screen.write(CLEAR_LINE + line.slice(0, (this.#screen.columns ?? 80) - 1));
  }

  /** Leaves the line free for what comes next. */
  end(): void {
    if (this.#drawn) this.#screen.write(CLEAR_LINE);
    this.#drawn = false;
  }
}

/** @param since what this run has done, and in what time */
export function progressLine(
  { doing, part, overall }: Advance,
  { elapsedMs, done }: { readonly elapsedMs: number; readonly done: number },
): string {
  const share = shareOf(overall);
  const full = Math.floor(share * BAR_WIDTH);
  const perSecond = elapsedMs > 0 ? (done * 1_000) / elapsedMs : 0;
  const left = perSecond > 0 ? `  ${timeText((overall.total - overall.done) / perSecond)} left` : '';
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
  return `${bar} ${percent(share).padStart(5)}  ${doing} ${percent(shareOf(part))}  ${Math.round(perSecond).toLocaleString('en')} rows/s${left}`;
}

/** From 0 to 1. */
function shareOf({ done, total }: { readonly done: number; readonly total: number }): number {
  return total === 0 ? 1 : Math.min(1, done / total);
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
