/** The span as two charts: what was accepted and what failed, and how long it took. Each has its numbers as a table for who cannot see it. */

import type { StatsView } from '@posthorn/contract';
import { scaleBand, scaleLinear } from '@visx/scale';
import { LinePath } from '@visx/shape';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { Section } from '../../ui/page.tsx';
import { short, whole } from '../../words/numbers.ts';
import { date, dateAndClock, minutes, precisely } from '../../words/time.ts';

/** In the window's own pixels: a chart that is merely scaled has letters that nobody can read on a telephone. */
const HEIGHT = 176;
const BASE = HEIGHT - 22;
const TOP = 8;
const LEFT = 46;
const FIRST_WIDTH = 440;
const DAY = 86_400_000;

type StatsPoint = StatsView['data'][number];

interface ChartsProps {
  readonly stats: StatsView;
  readonly spanMs: number;
}

export function Charts({ stats, spanMs }: ChartsProps) {
  const quiet = stats.data.every(({ accepted, failed }) => accepted + failed === 0);
  return (
    <div className="grid gap-5 lg:grid-cols-2">
      <Section
        title="Attempts"
        actions={
          <Legend
            items={[
              { name: 'accepted', mark: 'bg-(--chart-accepted)' },
              { name: 'failed', mark: 'bg-bad-mark' },
            ]}
          />
        }
      >
        {quiet ? <Quiet /> : <Counts points={stats.data} spanMs={spanMs} />}
      </Section>
      <Section
        title="Latency"
        actions={
          <Legend
            items={[
              { name: 'median', mark: 'bg-(--chart-median)' },
              { name: '95 %', mark: 'bg-(--chart-slow)' },
            ]}
          />
        }
      >
        {quiet ? <Quiet /> : <Latency points={stats.data} spanMs={spanMs} />}
      </Section>
    </div>
  );
}

function Quiet() {
  return <p className="flex h-[9rem] items-center justify-center text-sm text-ink-3">No attempts in this time.</p>;
}

function Legend({ items }: { readonly items: readonly { readonly name: string; readonly mark: string }[] }) {
  return (
    <ul className="flex gap-3.5 text-xs text-ink-2">
      {items.map(({ name, mark }) => (
        <li key={name} className="flex items-center gap-1.5">
          <span aria-hidden className={`size-2 rounded-sm ${mark}`} />
          {name}
        </li>
      ))}
    </ul>
  );
}

interface ChartProps {
  readonly points: readonly StatsPoint[];
  readonly spanMs: number;
}

function Counts({ points, spanMs }: ChartProps) {
  const most = Math.max(1, ...points.map(({ accepted, failed }) => accepted + failed));
  const y = scaleLinear({ domain: [0, most], range: [BASE, TOP], nice: 4 });
  return (
    <Frame
      label="Accepted and failed attempts over time"
      points={points}
      spanMs={spanMs}
      ticks={y.ticks(3).map((value) => ({ at: y(value), words: Number.isInteger(value) ? short(value) : '' }))}
      words={({ accepted, failed }) => `${whole(accepted)} accepted, ${whole(failed)} failed`}
      head={['Accepted', 'Failed']}
      cells={({ accepted, failed }) => [whole(accepted), whole(failed)]}
    >
      {(x) =>
        points.map((point) => {
          const left = x(point.at) ?? 0;
          const good = BASE - y(point.accepted);
          const bad = BASE - y(point.failed);
          const width = Math.max(1, x.bandwidth());
          return (
            <g key={point.at}>
              {good > 0 && <rect x={left} y={BASE - good} width={width} height={good} rx={1} fill="var(--chart-accepted)" />}
              {bad > 0 && (
                <rect x={left} y={BASE - good - Math.max(bad, 2)} width={width} height={Math.max(bad, 2)} rx={1} fill="var(--bad-mark)" />
              )}
            </g>
          );
        })
      }
    </Frame>
  );
}

function Latency({ points, spanMs }: ChartProps) {
  const most = Math.max(1, ...points.map(({ p95_ms: p95 }) => p95 ?? 0));
  const y = scaleLinear({ domain: [0, most], range: [BASE, TOP], nice: 4 });
  const ms = (value: number | null) => (value === null ? '–' : precisely(value));
  return (
    <Frame
      label="Latency over time"
      points={points}
      spanMs={spanMs}
      ticks={y.ticks(3).map((value) => ({ at: y(value), words: precisely(value) }))}
      words={({ p50_ms: p50, p95_ms: p95 }) => (p50 === null ? 'no attempts' : `median ${ms(p50)}, 95 % within ${ms(p95)}`)}
      head={['Median', '95 %']}
      cells={({ p50_ms: p50, p95_ms: p95 }) => [ms(p50), ms(p95)]}
    >
      {(x) => {
        const middle = (point: StatsPoint) => (x(point.at) ?? 0) + x.bandwidth() / 2;
        return (['p95_ms', 'p50_ms'] as const).map((name) => (
          <g key={name} stroke={name === 'p50_ms' ? 'var(--chart-median)' : 'var(--chart-slow)'} fill="none">
            <LinePath<StatsPoint>
              data={[...points]}
              defined={(point) => point[name] !== null}
              x={middle}
              y={(point) => y(point[name] ?? 0)}
              strokeWidth={1.75}
              strokeLinejoin="round"
              strokeLinecap="round"
            />
            {lonely(points, name).map((point) => (
              <circle key={point.at} cx={middle(point)} cy={y(point[name] ?? 0)} r={1.5} strokeWidth={1.5} />
            ))}
          </g>
        ));
      }}
    </Frame>
  );
}

/** Points without neighbours make no line. */
function lonely(points: readonly StatsPoint[], name: 'p50_ms' | 'p95_ms'): StatsPoint[] {
  const has = (at: number) => points[at] !== undefined && points[at][name] !== null;
  return points.filter((_, at) => has(at) && !has(at - 1) && !has(at + 1));
}

/** How wide an element is, watched. */
function useWidth() {
  const element = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(FIRST_WIDTH);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.max(200, Math.round(entry.contentRect.width))));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width] as const;
}

interface FrameProps extends ChartProps {
  readonly label: string;
  readonly ticks: readonly { readonly at: number; readonly words: string }[];
  readonly words: (point: StatsPoint) => string;
  readonly head: readonly string[];
  readonly cells: (point: StatsPoint) => readonly string[];
  readonly children: (x: ReturnType<typeof scaleBand<string>>) => ReactNode;
}

function Frame({ label, points, spanMs, ticks, words, head, cells, children }: FrameProps) {
  const titleId = useId();
  const [at, setAt] = useState<number | null>(null);
  const [figure, width] = useWidth();
  const x = scaleBand<string>({ domain: points.map((point) => point.at), range: [LEFT, width - 4], padding: 0.18 });
  const shown = at === null ? undefined : points[at];
  const every = Math.max(1, Math.ceil(points.length / Math.max(2, Math.floor(width / 95))));
  const onPointerMove = (event: React.PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const inside = ((event.clientX - box.left) / box.width) * width - LEFT;
    setAt(Math.min(points.length - 1, Math.max(0, Math.floor((inside / (width - 4 - LEFT)) * points.length))));
  };
  return (
    <figure ref={figure} className="relative m-0 min-w-0">
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-labelledby={titleId}
        className="block w-full touch-pan-y overflow-visible"
        onPointerMove={onPointerMove}
        onPointerLeave={() => setAt(null)}
      >
        <title id={titleId}>{label}</title>
        {ticks.map(({ at: y, words: text }) => (
          <g key={y}>
            <line x1={LEFT} x2={width} y1={y} y2={y} stroke="var(--line)" />
            <text x={LEFT - 8} y={y + 4} textAnchor="end" fontSize={11} fill="var(--ink-3)">
              {text}
            </text>
          </g>
        ))}
        {shown !== undefined && (
          <rect x={(x(shown.at) ?? 0) - x.step() * 0.09} y={TOP} width={x.step()} height={BASE - TOP} fill="var(--hover)" />
        )}
        {children(x)}
        {points.map(
          (point, index) =>
            index % every === Math.floor(every / 2) && (
              <text
                key={point.at}
                x={(x(point.at) ?? 0) + x.bandwidth() / 2}
                y={HEIGHT - 5}
                textAnchor="middle"
                fontSize={11}
                fill="var(--ink-3)"
              >
                {spanMs > 2 * DAY ? date(new Date(point.at)) : minutes(new Date(point.at))}
              </text>
            ),
        )}
      </svg>
      <figcaption className="mt-1.5 min-h-4.5 text-xs text-ink-2 tabular-nums">
        {shown === undefined ? '' : `${dateAndClock(new Date(shown.at))}: ${words(shown)}`}
      </figcaption>
      {/* A table is as tall as its rows whatever its style says, and the page would scroll down to its end: so the box around it is what is hidden. */}
      <div className="sr-only">
        <table>
          <caption>{label}</caption>
          <thead>
            <tr>
              {['Time', ...head].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {points.map((point) => (
              <tr key={point.at}>
                <th scope="row">{dateAndClock(new Date(point.at))}</th>
                {cells(point).map((cell, index) => (
                  <td key={head[index]}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}
