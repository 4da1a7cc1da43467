/** A share of a whole as a bar; the figure stands beside it in words. */
export function Meter({ share, tone, label }: { share: number; tone: 'ok' | 'note' | 'warning' | 'alarm'; label: string }) {
  const width = `${Math.min(1, Math.max(0, share)) * 100}%`;
  return (
    <span class="meter" role="img" aria-label={label}>
      <span class={`fill tone-${tone}`} style={{ width }} />
    </span>
  );
}
