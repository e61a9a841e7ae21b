/** What the examples take from the environment. */
const { env } = process;

export const PORT = Number(env.PORT ?? 4000);
export const HOST = env.HOST ?? '127.0.0.1';

export const receiverOptions = {
  // The second one is there while the secret is being rotated.
  secrets: [env.WEBHOOK_SECRET, env.WEBHOOK_SECRET_NEXT],
  scheme: env.WEBHOOK_SCHEME === 'x-signature' ? 'x-signature' : 'standard',
  onRefused: ({ code, message }) => console.warn(`refused, ${code}: ${message}`),
};
