/** The link of the first start: whoever opens it becomes the operator. */
import { hashToken, newSecretToken } from './api/auth.ts';
import type { Store } from './store/store.ts';

interface LinkLog {
  info(line: object, message: string): void;
}

/**
 * Prints a link, at each start until there is an operator. It stands in the log on purpose: whoever reads that runs the machine. Only its hash is
 * kept, and with the first operator all links are void.
 */
export async function offerOperatorLink(
  store: Store,
  { baseUrl, log }: { readonly baseUrl: () => string; readonly log: LinkLog },
): Promise<void> {
  if (await store.operators.any()) return;
  const token = newSecretToken();
  await store.operators.addLink(hashToken(token));
  const url = `${baseUrl()}/operator/${token}`;
  log.info({ url }, 'nobody operates this installation yet: whoever opens this link, once, becomes its operator');
  if (process.stdout.isTTY) console.log(`Become the operator (the link works once): ${url}`);
}
