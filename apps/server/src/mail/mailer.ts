/** Mail that the program sends: invitations, links to confirm an address or to set a new password, notices. */

export interface Message {
  readonly to: string;
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
}

export interface Mailer {
  /** Resolves once the mail server has taken it. @throws {MailNotTaken} */
  send(message: Message): Promise<void>;
  close(): void;
}

/** The mail server did not take it. */
export class MailNotTaken extends Error {
  override readonly name = 'MailNotTaken';
  /** It certainly has not, but may later. False: it never will, or what became of it is not known, so that another try could be a second mail. */
  readonly mayLater: boolean;

  constructor(message: string, options: { readonly mayLater: boolean; readonly cause: unknown }) {
    super(message, { cause: options.cause });
    this.mayLater = options.mayLater;
  }
}
