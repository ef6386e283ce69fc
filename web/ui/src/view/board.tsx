import type { Ticking } from "../model/clock.ts";
import type { Side } from "../model/fen.ts";
import type { Other } from "../model/others.ts";
import type { Board, Game } from "../model/wire.ts";
import { withToken } from "../net/link.ts";
import { BigBoard } from "./bigboard.tsx";
import { Grid } from "./grid.tsx";
import { Icon } from "./icon.tsx";
import { Moves } from "./moves.tsx";
import { Others } from "./others.tsx";
import { clockProps, PlayerRow } from "./player.tsx";

/** The position on show: the last one, or one that the viewer went back to. */
export interface Shown {
  readonly fen: string;
  readonly ply: number;
  readonly marks: readonly string[];
  readonly check?: string;
  readonly clock: Ticking;
  /** The move that led here, if it was an illegal one. */
  readonly illegal?: string;
}

interface Props {
  readonly id: string;
  /** All boards of the round, in order; none before they are known. */
  readonly others: readonly Other[];
  readonly board: Board;
  readonly game?: Game;
  readonly shown: Shown;
  readonly missed: number;
  readonly following: boolean;
  readonly bottom: Side;
  readonly now?: number;
  readonly onGo: (ply: number) => void;
  readonly onFlip: () => void;
  readonly onLive: () => void;
}

export function BoardView(props: Props) {
  const { id, others, board, game, shown, bottom, now } = props;
  const top: Side = bottom === "white" ? "black" : "white";
  // A viewer who looks back sees the clocks of that time, and no result yet.
  const result = props.following ? board.result : "*";
  const row = (side: Side) => (
    <PlayerRow full player={board[side]} side={side} result={result} forfeit={board.forfeit} {...clockProps(shown.clock, side, now)} />
  );
  return (
    <>
      <header class="head">
        <div>
          <h1 class="hidden">
            {board.white.name} – {board.black.name}
          </h1>
        </div>
        <Neighbours id={id} numbers={others.length > 0 ? others.map((o) => o.board) : [board.board]} board={board.board} />
      </header>
      <div class="game">
        <section class="stage" aria-label="Board">
          {row(top)}
          <BigBoard fen={shown.fen} ply={shown.ply} marks={shown.marks} check={shown.check} bottom={bottom} />
          <Grid fen={shown.fen} />
          {row(bottom)}
          {shown.illegal && (
            <p class="mark illegal">
              <b>Illegal move</b> {shown.illegal} was played all the same. This is the position on the board.
            </p>
          )}
          {board.warning && (
            <p class="mark warning">
              <b>Warning</b> {board.warning}
            </p>
          )}
        </section>
        <section class="sheet" aria-label="Score sheet">
          {game ? <Moves game={game} ply={shown.ply} onGo={props.onGo} /> : <p class="quiet pad">Loading the moves…</p>}
          {game?.moves.length === 0 && <p class="quiet pad">No move has been made yet.</p>}
          <Controls {...props} total={game?.moves.length ?? board.ply} />
        </section>
      </div>
      <Others id={id} board={board.board} list={others} />
    </>
  );
}

function Controls({ shown, total, following, missed, board, onGo, onFlip, onLive }: Props & { total: number }) {
  const start = shown.ply === 0;
  return (
    <div class="controls">
      {!following && (
        <button type="button" class="back" data-missed={missed} onClick={onLive}>
          {board.result === "*" ? "Back to live" : "To the end"}
          {missed > 0 && <span class="count">{missed === 1 ? "1 new move" : `${missed} new moves`}</span>}
        </button>
      )}
      <div class="buttons" role="group" aria-label="Step through the game">
        <button type="button" aria-label="First position" title="First position (Home)" disabled={start} onClick={() => onGo(0)}>
          <Icon name="first" />
        </button>
        <button type="button" aria-label="Previous move" title="Previous move (←)" disabled={start} onClick={() => onGo(shown.ply - 1)}>
          <Icon name="previous" />
        </button>
        <button type="button" aria-label="Next move" title="Next move (→)" disabled={following} onClick={() => onGo(shown.ply + 1)}>
          <Icon name="next" />
        </button>
        <button type="button" aria-label="Last position" title="Last position (End)" disabled={following} onClick={() => onGo(total)}>
          <Icon name="last" />
        </button>
        <button type="button" aria-label="Turn the board" title="Turn the board (f)" onClick={onFlip}>
          <Icon name="flip" />
        </button>
        <a href={withToken(`/api/games/${board.game}.pgn`)} download title="The game as PGN">
          PGN
        </a>
      </div>
    </div>
  );
}

function Neighbours({ id, numbers, board }: { id: string; numbers: readonly number[]; board: number }) {
  const i = numbers.indexOf(board);
  const link = (n: number | undefined, name: "previous" | "next") =>
    n === undefined ? (
      <span class="none">
        <Icon name={name} />
      </span>
    ) : (
      <a href={`/round/${id}/${n}`} rel={name === "next" ? "next" : "prev"} aria-label={`Board ${n}`} title={`Board ${n}`}>
        <Icon name={name} />
      </a>
    );
  return (
    <nav class="neighbours" aria-label="Boards">
      {link(numbers[i - 1], "previous")}
      <span>
        Board {board} <span class="quiet">of {numbers.length}</span>
      </span>
      {link(i < 0 ? undefined : numbers[i + 1], "next")}
    </nav>
  );
}
