/**
 * The last part of an invitation's link: a token and, where it was mailed, a proof of the address after a dot. Whoever invites somebody is shown the token
 * alone: with the proof, they could sign up as them. The provider, who vouches for whom it invites, is shown both.
 */
export function readInvitationLink(link: string): { readonly token: string; readonly proof: string } {
  const [token = '', proof = ''] = link.split('.', 2);
  return { token, proof };
}
