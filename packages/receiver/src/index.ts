export type { RequestHeaders } from './headers.ts';
export type { PreparedSecret, Secret } from './secret.ts';
export { checkSecret, generateSecret, prepareSecret, standardSecret } from './secret.ts';
export type { StandardRequest } from './sign.ts';
export { signStandard, signX } from './sign.ts';
export type { Failure, FailureCode, SignedRequest, StandardSignedRequest, StandardVerified, XRequest } from './verify.ts';
export { verifyStandard, verifyX } from './verify.ts';
export type { WebhookEvent, WebhookFailure, WebhookRequest } from './webhook.ts';
export { verifyWebhook } from './webhook.ts';
