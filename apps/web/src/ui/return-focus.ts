import { useRef } from 'react';

/**
 * For a dialog that its opener does not know of: the focus goes back to where it was. From a menu's item, which is gone by then, that is
 * the menu's button.
 */
export function useReturnFocus() {
  const opener = useRef<HTMLElement | null>(null);
  return {
    onOpenAutoFocus: () => {
      const { activeElement } = document;
      const menu = activeElement?.closest('[role=menu]');
      const before = menu == null ? activeElement : document.getElementById(menu.getAttribute('aria-labelledby') ?? '');
      opener.current = before instanceof HTMLElement ? before : null;
    },
    onCloseAutoFocus: (event: Event) => {
      event.preventDefault();
      opener.current?.focus();
    },
  };
}
