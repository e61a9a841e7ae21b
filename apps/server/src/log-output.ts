/**
 * Where the log's lines go: a file descriptor, usually standard output. The log is never worth more than the program: a reader that is gone, or that has
 * stopped reading, holds up neither the work nor the end. (sonic-boom's flushSync, which pino would use, repeats a write that fails with EPIPE for ever.)
 */
import { write, writeSync } from 'node:fs';

/** A system call for each line would cost more than the attempt it tells of. */
const GATHER_MS = 100;
const GATHER_CHARACTERS = 4_096;
/** What is kept for a reader that has stopped; beyond it lines are lost, and counted. */
const KEEP_CHARACTERS = 8 * 1024 * 1024;
const BUSY_MS = 50;

export class LogOutput {
  readonly #descriptor: number;
  #waiting = '';
  /** What the system has been asked to write and has not written yet. */
  #writing: Uint8Array = new Uint8Array();
  #inSystem = false;
  #lost = 0;
  #gone = false;
  #timer: NodeJS.Timeout | null = null;
  #idle: () => void = () => {};

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** @param text whole lines */
  write(text: string): void {
    if (this.#gone) return;
    if (this.#waiting.length + text.length > KEEP_CHARACTERS) {
      this.#lost += 1;
      return;
    }
    this.#waiting += text;
    if (this.#waiting.length >= GATHER_CHARACTERS) this.#next();
    else this.#timer ??= setTimeout(() => this.#next(), GATHER_MS).unref();
  }

  /**
   * Writes what is there, for as long as `patienceMs` at most; then nothing more is written.
   * @returns whether a write is still stuck in the system: the exit of the process would wait for its thread, as long as the reader likes
   */
  async end(patienceMs: number): Promise<boolean> {
    if (!this.#gone && (this.#waiting !== '' || this.#writing.length > 0)) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, patienceMs);
        this.#idle = () => {
          clearTimeout(late);
          resolve();
        };
        this.#next();
      });
    }
    this.#gone = true;
    return this.#inSystem;
  }

  /** On the way out of the process, where nothing can be waited for: one try. */
  flushSync(): void {
    if (this.#gone || this.#writing.length > 0) return;
    const bytes = this.#taken();
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    } catch {
      this.#gone = true;
    }
  }

  #next(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#writing.length > 0) return;
    this.#writing = this.#taken();
    if (this.#writing.length === 0) this.#idle();
    else this.#continue();
  }

  #continue(): void {
    this.#inSystem = true;
    write(this.#descriptor, this.#writing, (error, written) => {
      this.#inSystem = false;
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#continue(), BUSY_MS);
        return;
      }
      if (error) {
        this.#gone = true;
        this.#writing = new Uint8Array();
        this.#waiting = '';
        this.#idle();
        return;
      }
      this.#writing = this.#writing.subarray(written);
      if (this.#writing.length > 0) this.#continue();
      else this.#next();
    });
  }

  #taken(): Uint8Array {
    const lost = this.#lost === 0 ? '' : `{"level":40,"msg":"${this.#lost} pieces of the log were lost: nothing read them"}\n`;
    const text = this.#waiting + lost;
    this.#waiting = '';
    this.#lost = 0;
    return Buffer.from(text, 'utf8');
  }
}
