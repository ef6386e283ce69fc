import type { ComponentChildren } from "preact";

interface Props {
  readonly label: string;
  readonly width: number;
  readonly height: number;
  /** How many plies it spans. */
  readonly plies: number;
  /** The ply on show. */
  readonly ply: number;
  readonly onGo: (ply: number) => void;
  readonly children: ComponentChildren;
}

/** A drawing over the plies of a game, with a line at the ply on show. A click goes to a ply. */
export function Graph({ label, width, height, plies, ply, onGo, children }: Props) {
  const last = Math.max(1, plies);
  const x = ((ply / last) * width).toFixed(1);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the arrow keys step through the game.
    <svg
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
      onClick={(e) => {
        const box = e.currentTarget.getBoundingClientRect();
        onGo(Math.round(((e.clientX - box.left) / box.width) * last));
      }}
    >
      {children}
      <path class="now" d={`M${x} 0V${height}`} />
    </svg>
  );
}
