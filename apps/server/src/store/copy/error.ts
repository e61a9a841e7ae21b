/** A copy that cannot be made, or must not. The message is one line and says what to do. */
export class CopyError extends Error {
  override readonly name = 'CopyError';
}
