/** Where an attempt's time went: its phases as one bar, to scale, and as numbers. */
import type { AttemptView } from '@posthorn/contract';
import { precisely } from '../words/time.ts';

const PHASES = [
  { name: 'dns', words: 'DNS', colour: 'var(--phase-dns)' },
  { name: 'connect', words: 'Connect', colour: 'var(--phase-connect)' },
  { name: 'tls', words: 'TLS', colour: 'var(--phase-tls)' },
  { name: 'first_byte', words: 'First byte', colour: 'var(--phase-first-byte)' },
  { name: 'body', words: 'Body', colour: 'var(--phase-body)' },
] as const;

export function Timings({ timings, durationMs }: { readonly timings: AttemptView['timings']; readonly durationMs: number }) {
  const phases = PHASES.flatMap(({ name, ...rest }) => {
    const ms = timings[name];
    return ms === null ? [] : [{ name, ms, ...rest }];
  });
  const total = Math.max(
    durationMs,
    phases.reduce((sum, { ms }) => sum + ms, 0),
    1,
  );
  return (
    <div className="space-y-2">
      <div aria-hidden className="flex h-2 overflow-hidden rounded-full bg-none-soft">
        {phases.map(({ name, ms, colour }) => (
          <span key={name} style={{ width: `${(ms / total) * 100}%`, minWidth: ms > 0 ? 2 : 0, background: colour }} />
        ))}
      </div>
      <dl className="flex flex-wrap gap-x-4 gap-y-1 text-xs">
        {phases.map(({ name, words, ms, colour }) => (
          <div key={name} className="flex items-center gap-1.5">
            <span aria-hidden className="size-2 rounded-sm" style={{ background: colour }} />
            <dt className="text-ink-3">{words}</dt>
            <dd className="tabular-nums">{precisely(ms)}</dd>
          </div>
        ))}
        <div className="flex items-center gap-1.5">
          <dt className="text-ink-3">In all</dt>
          <dd className="font-medium tabular-nums">{precisely(durationMs)}</dd>
        </div>
      </dl>
    </div>
  );
}
