/** A copy that cannot be made, or must not. The message is one line and says what to do. */
export class CopyError extends Error {
  override readonly name = 'CopyError';
}

export const COPY_ANEW = 'To copy anew, drop the schema posthorn of the new database first';
