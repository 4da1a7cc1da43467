// A line the size of a word: the shape of the last hour, without axes, beside its figure.

const WIDTH = 96;
const HEIGHT = 24;
const MOST = 80;

export function Spark({ values, label, fromZero }: { values: number[]; label: string; fromZero?: boolean }) {
  const step = Math.max(1, Math.ceil(values.length / MOST));
  const points = values.filter((_, at) => (values.length - 1 - at) % step === 0);
  const low = fromZero ? Math.min(0, ...points) : Math.min(...points);
  const span = Math.max(...points) - low || 1;
  const place = (value: number, at: number) => {
    const x = points.length > 1 ? (at / (points.length - 1)) * (WIDTH - 2) + 1 : WIDTH / 2;
    return `${x.toFixed(1)} ${(HEIGHT - 2 - ((value - low) / span) * (HEIGHT - 4)).toFixed(1)}`;
  };
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {points.length > 1 && (
        <polyline
          points={points.map(place).join(' ')}
          fill="none"
          stroke="currentColor"
          stroke-width="1.5"
          vector-effect="non-scaling-stroke"
        />
      )}
    </svg>
  );
}
