/**
 * One layer for every hint of the page: an element with `data-tip` shows that text while the pointer or the keyboard is on it. One
 * listener serves lists of thousands of instants, where a component for each would not.
 */
import { useEffect, useState } from 'react';

interface Tip {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly below: boolean;
}

export function TipLayer() {
  const [tip, setTip] = useState<Tip | null>(null);

  useEffect(() => {
    let shown: Element | null = null;
    const hide = () => {
      shown = null;
      setTip(null);
    };
    const show = (event: Event) => {
      const target = event.target instanceof Element ? event.target.closest('[data-tip]') : null;
      if (target === shown) return;
      if (target === null) return hide();
      // Focus that a click moved is no question.
      if (event.type === 'focusin' && !target.matches(':focus-visible')) return;
      shown = target;
      const box = target.getBoundingClientRect();
      const below = box.top < 48;
      const x = Math.min(Math.max(box.left + box.width / 2, 90), innerWidth - 90);
      setTip({ text: target.getAttribute('data-tip') ?? '', x, y: below ? box.bottom + 6 : box.top - 6, below });
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') hide();
    };
    document.addEventListener('pointerover', show);
    document.addEventListener('focusin', show);
    document.addEventListener('focusout', hide);
    document.addEventListener('pointerdown', hide);
    document.addEventListener('keydown', onKey);
    addEventListener('scroll', hide, { capture: true, passive: true });
    return () => {
      document.removeEventListener('pointerover', show);
      document.removeEventListener('focusin', show);
      document.removeEventListener('focusout', hide);
      document.removeEventListener('pointerdown', hide);
      document.removeEventListener('keydown', onKey);
      removeEventListener('scroll', hide, { capture: true });
    };
  }, []);

  if (tip === null) return null;
  return (
    <div
      aria-hidden
      className="pointer-events-none fixed z-[70] max-w-64 rounded-md bg-ink px-2 py-1 text-xs font-medium text-canvas shadow-high"
      style={{ left: tip.x, top: tip.y, transform: `translate(-50%, ${tip.below ? '0' : '-100%'})` }}
    >
      {tip.text}
    </div>
  );
}
