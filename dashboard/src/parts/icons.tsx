// Shapes that say the same as colours: a tick, a circle, a triangle, an octagon.

import type { Tone } from '../words';

const SHAPES: Record<Tone, preact.JSX.Element> = {
  ok: (
    <path d="M8 .8a7.2 7.2 0 1 0 0 14.400A7.2 7.2 0 0 0 8 .8Zm-1 10.700L3.6 8.100l1.2-1.200L7 9.100l4.3-4.300L12.5 6 7 11.500Z" />
  ),
  note: <path d="M8 .8a7.2 7.2 0 1 0 0 14.400A7.2 7.2 0 0 0 8 .8Zm.9 10.900H7.100V7h1.800v4.700Zm0-6H7.100V4h1.800v1.700Z" />,
  warning: <path d="M8 1 .6 14.500h14.800L8 1Zm.9 11.700H7.100V11h1.800v1.700Zm0-3H7.100V5.600h1.800v4.100Z" />,
  alarm: (
    <path d="M5 .8h6L15.2 5v6L11 15.200H5L.8 11V5L5 .8Zm3.9 11.400v-1.800H7.100v1.800h1.800Zm0-3.200V3.700H7.100V9h1.800Z" />
  ),
};

export function ToneIcon({ tone }: { tone: Tone }) {
  return (
    <svg
      class={`icon tone-${tone}`}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="currentColor"
      fill-rule="evenodd"
      aria-hidden="true"
    >
      {SHAPES[tone]}
    </svg>
  );
}

export function MoveIcon({ up }: { up: boolean }) {
  return (
    <svg class="icon move" viewBox="0 0 16 16" width="12" height="12" fill="currentColor" aria-hidden="true">
      <path d={up ? 'M8 3 14 12H2z' : 'M8 13 2 4h12z'} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0f3d5c" />
      <path d="M6 11h20M6 16h20" stroke="#9fc6e3" stroke-width="3" stroke-linecap="round" />
      <path d="M5 23c3-3 5-3 7.3 0s4.3 3 7.3 0 5-3 7.4 0" fill="none" stroke="#4fb3ff" stroke-width="3" stroke-linecap="round" />
    </svg>
  );
}
