import type { ComponentChildren } from 'preact';
import type { Tone } from '../words';
import { ToneIcon } from './icons';

/** A state as an icon and a word. */
export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge tone-${tone}`}>
      <ToneIcon tone={tone} />
      <span>{children}</span>
    </span>
  );
}
