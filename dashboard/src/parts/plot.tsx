// A time plot in UTC that follows its width and the colours of the page.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clock } from '../format';
import { colour } from '../theme';

export interface Line {
  name: string;
  /** A colour of the style sheet. */
  colour: string;
  dash?: number[];
  /** Steps instead of slopes, for counts. */
  isStepped?: boolean;
  fill?: string;
}

/** A filled area between two columns of the data. */
export interface Area {
  name: string;
  high: number;
  low: number;
  fill: string;
}

interface PlotProps {
  label: string;
  unit: string;
  height: number;
  /** Seconds, then one column a line, then two an area. */
  data: (number | null)[][];
  lines: Line[];
  area?: Area;
  range: (low: number, high: number, data: (number | null)[][]) => [number, number];
  show: (value: number) => string;
  /** The same for the axis, which needs no more places than its steps. */
  tick: (value: number, step: number) => string;
}

const HIDDEN = { stroke: 'transparent', width: 0, points: { show: false } };

function options(props: PlotProps, width: number, read: (plot: uPlot) => void): uPlot.Options {
  const ink = colour('--ink-soft');
  const grid = { stroke: colour('--line'), width: 1 };
  const font = '12px system-ui, sans-serif';
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const lines = props.lines.map((line): uPlot.Series => ({
    label: line.name,
    stroke: colour(line.colour),
    width: 1.75,
    points: { show: false },
    ...(line.dash && { dash: line.dash }),
    ...(line.fill && { fill: colour(line.fill) }),
    ...(line.isStepped && stepped && { paths: stepped }),
  }));
  const axis = { stroke: ink, grid, ticks: { show: false }, font };
  return {
    width,
    height: props.height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
    legend: { show: false },
    padding: [8, 22, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: { y: { range: (plot, low, high) => props.range(low, high, plot.data as (number | null)[][]) } },
    series: [{}, ...lines, ...(props.area ? [HIDDEN, HIDDEN] : [])],
    ...(props.area && { bands: [{ series: [props.area.high, props.area.low], fill: colour(props.area.fill) }] }),
    axes: [
      {
        ...axis,
        size: 30,
        space: 84,
        values: (_, at, _axis, _space, step) => at.map((seconds) => clock(seconds * 1_000).slice(0, step < 60 ? 8 : 5)),
      },
      {
        ...axis,
        size: 66,
        space: 36,
        values: (_, at, _axis, _space, step) => at.map((value) => (value === null ? '' : props.tick(value, step))),
      },
    ],
    hooks: { setCursor: [read] },
  };
}

/** What the plot says where the pointer is; at its end while there is none. */
function reading(plot: uPlot, props: PlotProps): string {
  const at = plot.cursor.idx ?? (plot.data[0]?.length ?? 0) - 1;
  const time = plot.data[0]?.[at];
  if (time === undefined) return 'no history yet';
  const value = (column: number) => {
    const found = plot.data[column]?.[at];
    return found === null || found === undefined ? '–' : props.show(found);
  };
  const lines = props.lines.map((line, index) => `${line.name} ${value(index + 1)}`);
  const area = props.area ? [`${props.area.name} ${value(props.area.low)} to ${value(props.area.high)}`] : [];
  return `${clock(time * 1_000)} UTC: ${[...lines, ...area].join(', ')} ${props.unit}`;
}

export function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const line = useRef<HTMLParagraphElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const own = box.current;
    if (!own) return;
    const read = (of: uPlot) => {
      if (line.current) line.current.textContent = reading(of, latest.current);
    };
    const build = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(latest.current, own.clientWidth, read), latest.current.data as uPlot.AlignedData, own);
      read(plot.current);
    };
    build();
    const watch = new ResizeObserver(() => plot.current?.setSize({ width: own.clientWidth, height: latest.current.height }));
    watch.observe(own);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', build);
    addEventListener('themechange', build);
    return () => {
      watch.disconnect();
      scheme.removeEventListener('change', build);
      removeEventListener('themechange', build);
      plot.current?.destroy();
    };
  }, []);

  useEffect(() => {
    if (!plot.current) return;
    plot.current.setData(props.data as uPlot.AlignedData);
    if (line.current) line.current.textContent = reading(plot.current, props);
  });

  return (
    <figure class="plot">
      <figcaption class="legend">
        {props.lines.map(({ name, colour: of, dash }) => (
          <span key={name}>
            <svg width="22" height="8" aria-hidden="true">
              <line x1="0" y1="4" x2="22" y2="4" stroke={`var(${of})`} stroke-width="2.5" stroke-dasharray={dash?.join(' ')} />
            </svg>
            {name}
          </span>
        ))}
        {props.area && (
          <span>
            <svg width="22" height="12" aria-hidden="true">
              <rect width="22" height="12" fill={`var(${props.area.fill})`} />
            </svg>
            {props.area.name}
          </span>
        )}
        <span class="unit">{props.unit}, time in UTC</span>
      </figcaption>
      <div class="canvas" ref={box} role="img" aria-label={props.label} style={{ height: `${props.height}px` }} />
      <p class="reading number" ref={line} />
    </figure>
  );
}
