import type { ComponentChildren } from 'preact';
import type { Tone } from '../words';
import { ToneIcon } from './icons';

/** A sentence in place of figures that are not there. */
export function Notice({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <p class={`notice tone-${tone}`}>
      <ToneIcon tone={tone} />
      <span>{children}</span>
    </p>
  );
}
