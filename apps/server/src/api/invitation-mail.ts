import type { Invitation } from '../store/store.ts';
import type { ApiOptions } from './context.ts';

/** Mails the link, where mail is set up. False: it was not, and the link has to be handed over by other means. */
export async function mailInvitation(
  { invitation, url, from }: { readonly invitation: Invitation; readonly url: string; readonly from: string },
  { mailer, branding, log }: ApiOptions,
): Promise<boolean> {
  if (mailer === null) return false;
  const { application, email, role } = invitation;
  const text = `${from} invites you to the webhooks of ${application.name} at ${branding.name}, as ${role === 'owner' ? 'an owner' : `a ${role}`}.

Join here. The link works once, for this address, and for 7 days:

${url}

If you do not know what this is about, there is nothing to do.`;
  try {
    await mailer.send({ to: email, subject: `Join ${application.name} at ${branding.name}`, text });
    return true;
  } catch (error) {
    log.error({ err: error, invitation: invitation.id }, 'an invitation could not be mailed');
    return false;
  }
}
