const WHOLE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

/** `12,345` */
export function whole(value: number): string {
  return WHOLE.format(value);
}

/** `1.2M` from ten thousand on, whole below. */
export function short(value: number): string {
  return value < 10_000 ? whole(value) : SHORT.format(value);
}

/** `1 delivery`, `37 deliveries` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}
