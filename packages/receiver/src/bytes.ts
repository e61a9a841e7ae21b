/** Bodies as bytes. */

/** isView instead of instanceof: test runners and sandboxes bring a Uint8Array of their own. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value);
}

/** What to say to a developer whose framework took the body first. Answering 403 instead would send them looking for a wrong secret. */
export function bodyTakenError(advice: string): TypeError {
  return new TypeError(`The body was read before its signature could be verified, and its exact bytes are lost. ${advice}`);
}
