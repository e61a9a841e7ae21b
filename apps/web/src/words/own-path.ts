/** Stands for wherever the app is. */
const HERE = 'https://here.invalid';

/**
 * The path to go on to after signing in, as the address names it: of this app, or its start. It is read as a browser reads it: tabs and backslashes make
 * another host of what does not look like one.
 */
export function ownPath(to: string | undefined): string {
  return to?.startsWith('/') === true && URL.canParse(to, HERE) && new URL(to, HERE).origin === HERE ? to : '/';
}
