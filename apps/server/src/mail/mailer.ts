/** Mail that the program sends: invitations, links to confirm an address or to set a new password, notices. */

export interface Message {
  readonly to: string;
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
}

export interface Mailer {
  /** Resolves once the mail server has taken it. */
  send(message: Message): Promise<void>;
  close(): void;
}
