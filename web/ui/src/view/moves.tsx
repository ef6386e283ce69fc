import { createRef } from "preact";
import { formatClock } from "../model/clock.ts";
import { numbering } from "../model/fen.ts";
import { startFen } from "../model/score-sheet.ts";
import type { Game, Move } from "../model/wire.ts";
import { Pure } from "./pure.ts";

interface Props {
  readonly game: Game;
  /** The ply on show. */
  readonly ply: number;
  readonly onGo: (ply: number) => void;
}

/** The score sheet. The ply on show stays in sight; the page itself does not scroll. */
export class Moves extends Pure<Props> {
  readonly #list = createRef<HTMLOListElement>();

  override componentDidMount(): void {
    this.#reveal();
  }

  override componentDidUpdate(): void {
    this.#reveal();
  }

  #reveal(): void {
    const list = this.#list.current;
    if (!list) return;
    const item = list.querySelector<HTMLElement>("[aria-current]");
    if (!item) {
      list.scrollTop = 0;
      return;
    }
    const top = item.offsetTop; // inside the list, which is positioned
    if (top < list.scrollTop || top + item.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = top - list.clientHeight / 2;
    }
  }

  override render({ game, ply, onGo }: Props) {
    const start = startFen(game);
    return (
      <ol class="moves" ref={this.#list} aria-label="Moves" tabIndex={-1}>
        {game.moves.map((m) => (
          <MoveItem key={m.ply} move={m} start={start} current={m.ply === ply} onGo={onGo} />
        ))}
        {game.result !== "*" && (
          <li class="end">
            {game.result.replace("-", " – ").replaceAll("1/2", "½")}
            {game.forfeit && " by forfeit"}
          </li>
        )}
      </ol>
    );
  }
}

interface ItemProps {
  readonly move: Move;
  readonly start: string;
  readonly current: boolean;
  readonly onGo: (ply: number) => void;
}

class MoveItem extends Pure<ItemProps> {
  override render({ move, start, current, onGo }: ItemProps) {
    const { move: number, side } = numbering(start, move.ply);
    const left = move.clock[side];
    const first = move.ply === 1 && side === "black";
    return (
      <li class={side} data-ply={move.ply} data-illegal={move.illegal} aria-current={current ? "true" : undefined}>
        {(side === "white" || first) && <span class="number">{number}.</span>}
        {/* One stop for the Tab key, not two hundred: the arrow keys step through the rest. */}
        <button type="button" tabIndex={current ? 0 : -1} onClick={() => onGo(move.ply)}>
          <span class="san">{move.san}</span> {move.illegal && <span class="illegal">illegal</span>}{" "}
          {left !== undefined && <span class="left">{formatClock(left)}</span>}
        </button>
      </li>
    );
  }
}
