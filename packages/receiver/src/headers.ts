/** Reading one header out of what servers and frameworks hand over. */

/**
 * A request's headers: a plain object with names in any case (Node's and Express's `req.headers`, a cloud function's event), or anything with the
 * `get` of a fetch `Headers`.
 */
export type RequestHeaders =
  | { get(name: string): string | null | undefined }
  | { readonly [name: string]: string | readonly string[] | undefined };

/**
 * A header's value, or '' if it is missing. Never throws on plain data, whatever its types.
 *
 * @param name in lowercase
 */
export function readHeader(headers: RequestHeaders | null | undefined, name: string): string {
  if (typeof headers !== 'object' || headers === null) return '';
  if (typeof headers.get === 'function') return headerText(headers.get(name));
  const fields: Readonly<Record<string, unknown>> = headers;
  if (fields[name] !== undefined) return headerText(fields[name]);
  const spelling = Object.keys(fields).find((field) => field.toLowerCase() === name);
  return spelling === undefined ? '' : headerText(fields[spelling]);
}

/** A repeated header reads as Node and fetch join it: with a comma. No signature, id or timestamp has one, so it is never taken for good. */
export function headerText(value: unknown): string {
  if (Array.isArray(value)) return value.filter((part) => typeof part === 'string').join(', ');
  return typeof value === 'string' ? value : '';
}
