/** The body that every endpoint receives: rendered once, at publish, and never again (CONTRACT §1). */

export interface RenderedEvent {
  readonly id: string;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly environment: string;
  /** The publisher's own JSON text, spliced in as it is: 17.0 stays 17.0, and a long integer keeps its digits. */
  readonly data: string;
}

/** The body's text. `data` must be one valid JSON value (see readJson); it is not looked at here. */
export function renderBody(event: RenderedEvent): string {
  const timestamp = new Date(event.timestamp).toISOString();
  return `{"id":${JSON.stringify(event.id)},"type":${JSON.stringify(event.type)},"timestamp":"${timestamp}","environment":${JSON.stringify(event.environment)},"data":${event.data}}`;
}
