export interface Waiting {
  /** Events that the shipments API has not published yet. */
  readonly inOutbox: number;
  /** Deliveries that Posthorn holds. */
  readonly atPosthorn: number;
  readonly nextDispatchAt: Date;
}

export interface Screen {
  /** A line that stays. */
  line(text: string): void;
  /** What waits now: redrawn in place on a terminal; elsewhere a line whenever more is waiting than before. */
  waiting(waiting: Waiting): void;
  /** Ends what is redrawn. */
  close(): void;
}

interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const clearLine = '\r\u001b[K';

export function openScreen(output: Output, now: () => Date): Screen {
  const isTerminal = output.isTTY === true;
  let drawn = '';
  let waitedBefore = 0;

  function clock(at: Date): string {
    return at.toISOString().slice(11, 19);
  }

  function draw(text: string): void {
    if (text !== drawn) output.write(`${clearLine}${text}`);
    drawn = text;
  }

  return {
    line: (text) => {
      if (isTerminal && drawn !== '') output.write(clearLine);
      output.write(`${now().toISOString().slice(11, 23)}  ${text}\n`);
      if (isTerminal) output.write(drawn);
    },
    waiting: ({ inOutbox, atPosthorn, nextDispatchAt }) => {
      const seconds = Math.max(0, (nextDispatchAt.getTime() - now().getTime()) / 1000);
      const outbox = inOutbox === 0 ? '' : `${inOutbox} in the outbox, `;
      const text = `waiting    ${outbox}${atPosthorn} at Posthorn; next dispatch ${clock(nextDispatchAt)} UTC`;
      if (isTerminal) draw(`${text}, in ${seconds.toFixed(0)} s`);
      else if (inOutbox + atPosthorn > waitedBefore) output.write(`${now().toISOString().slice(11, 23)}  ${text}\n`);
      waitedBefore = inOutbox + atPosthorn;
    },
    close: () => {
      if (isTerminal) draw('');
    },
  };
}
