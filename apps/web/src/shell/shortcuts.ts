/** Keys that work on every page. */
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useScope } from '../api/session.ts';
import { openPalette, show } from './palette-door.ts';
import { placesOf } from './places.ts';

/** After `g`, the key of a place has this long. */
const PREFIX_MS = 1_500;

export function useShortcuts(): void {
  const scope = useScope();
  const navigate = useNavigate();
  useEffect(() => {
    let prefixUntil = 0;
    const onKey = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        openPalette();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
      if (performance.now() < prefixUntil) {
        prefixUntil = 0;
        const place = placesOf(scope.environment).find(({ key }) => key === event.key);
        if (place === undefined) return;
        event.preventDefault();
        navigate({ to: place.to, params: { application: scope.application, environment: scope.environment } }).catch(reportError);
      } else if (event.key === 'g') prefixUntil = performance.now() + PREFIX_MS;
      else if (event.key === '?') show('shortcuts');
      else if (event.key === '/') {
        const field = document.querySelector<HTMLElement>('[data-filter]');
        if (field === null) return;
        event.preventDefault();
        field.focus();
      } else if (event.key === 'j' || event.key === 'k') moveInList(event.key === 'j' ? 1 : -1);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [navigate, scope.application, scope.environment]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest('[role=menu],[role=dialog]') !== null)
  );
}

/** Rows of the page's list are links; the next one after the focused, or the first. */
function moveInList(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = document.activeElement instanceof HTMLElement ? rows.indexOf(document.activeElement) : -1;
  const next = at === -1 ? rows[0] : rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  next?.focus();
}
