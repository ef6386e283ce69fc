import { pieces, place, squares } from "../model/fen.ts";
import { Pure } from "./pure.ts";

const tile = 40; // the size of a square, and of a piece in the sprite

const dark = Array.from({ length: 64 }, (_, i) => i)
  .filter((i) => ((i >> 3) + i) % 2 === 1)
  .map((i) => `M${(i % 8) * tile} ${(i >> 3) * tile}h${tile}v${tile}h${-tile}z`)
  .join("");

interface Props {
  readonly fen: string;
  readonly ply: number;
  readonly uci?: string;
  /** Black's side is at the bottom. */
  readonly flipped?: boolean;
}

/**
 * A board among a hundred others: a drawing of a few dozen elements that scales by itself and has
 * no listeners. The piece that just moved slides in, by CSS alone.
 */
export class MiniBoard extends Pure<Props> {
  #ply: number | undefined;

  override render({ fen, ply, uci, flipped = false }: Props) {
    const corner = (square: string) => cornerOf(square, flipped);
    const [from, to] = squares(uci);
    const next = this.#ply !== undefined && ply === this.#ply + 1;
    this.#ply = ply;
    return (
      <svg class="miniboard" viewBox="0 0 320 320" aria-hidden="true">
        <rect class="light" width="320" height="320" />
        <path class="dark" d={dark} />
        {from && to && [from, to].map((s) => <rect key={`last ${s}`} class="last" {...corner(s)} width={tile} height={tile} />)}
        {pieces(fen).map(({ square, piece }) => {
          const { x, y } = corner(square);
          const moved = next && from && square === to ? offset(corner(from), corner(to)) : undefined;
          return (
            <g key={piece + square} data-piece={piece} data-square={square} transform={`translate(${x} ${y})`}>
              <use href={`#${piece}`} class={moved ? "moved" : undefined} style={moved} />
            </g>
          );
        })}
      </svg>
    );
  }
}

function cornerOf(square: string, flipped: boolean): { x: number; y: number } {
  const { x, y } = place(square);
  return flipped ? { x: (7 - x) * tile, y: (7 - y) * tile } : { x: x * tile, y: y * tile };
}

function offset(a: { x: number; y: number }, b: { x: number; y: number }) {
  return { "--dx": `${a.x - b.x}px`, "--dy": `${a.y - b.y}px` };
}
