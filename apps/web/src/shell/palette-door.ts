/** Opens the palette from anywhere, without loading it before somebody asks for it. */
type Opened = 'palette' | 'shortcuts' | null;

let opened: Opened = null;
const watchers = new Set<() => void>();

export function show(next: Opened): void {
  opened = next;
  for (const tell of watchers) tell();
}

export const openPalette = (): void => show('palette');

export const paletteDoor = {
  subscribe: (tell: () => void): (() => void) => {
    watchers.add(tell);
    return () => watchers.delete(tell);
  },
  opened: (): Opened => opened,
};
