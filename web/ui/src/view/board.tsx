import type { Ticking } from "../model/clock.ts";
import type { Side } from "../model/fen.ts";
import type { Other } from "../model/others.ts";
import type { Settings } from "../model/settings.ts";
import type { Board, Evaluation, Game, Round, Tournament } from "../model/wire.ts";
import { withToken } from "../net/link.ts";
import { t } from "../text/text.ts";
import { BigBoard } from "./bigboard.tsx";
import { Advantage, EvaluationBar } from "./evaluation.tsx";
import { Grid } from "./grid.tsx";
import { Icon } from "./icon.tsx";
import { Moves } from "./moves.tsx";
import { Others } from "./others.tsx";
import { clockProps, PlayerRow } from "./player.tsx";
import { ShareDialog } from "./share.tsx";
import { Clocks, GameInfo, SheetTabs, type SheetTab } from "./sheet.tsx";

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
  readonly round?: Round;
  readonly event?: Tournament;
  readonly settings: Settings;
  readonly tab: SheetTab;
  readonly sharing: boolean;
  /** Of the position on show. */
  readonly evaluation?: Evaluation;
  /** Of all plies that the node knows. */
  readonly evaluations: readonly Evaluation[];
  readonly onTab: (tab: SheetTab) => void;
  readonly onShare: (open: boolean) => void;
  readonly onGo: (ply: number) => void;
  readonly onFlip: () => void;
  readonly onLive: () => void;
}

export function BoardView(props: Props) {
  const { id, others, board, game, shown, bottom, now, settings, tab } = props;
  const top: Side = bottom === "white" ? "black" : "white";
  // A viewer who looks back sees the clocks of that time, and no result yet.
  const result = props.following && !settings.hideResults ? board.result : "*";
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
        <Others id={id} board={board.board} list={others} hideResults={settings.hideResults} />
        <section class="stage" aria-label="Board">
          {row(top)}
          <BigBoard fen={shown.fen} ply={shown.ply} marks={shown.marks} check={shown.check} bottom={bottom} />
          <Grid fen={shown.fen} />
          {props.evaluation && <EvaluationBar evaluation={props.evaluation} figurines={settings.figurines} />}
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
          <SheetTabs tab={tab} onTab={props.onTab} />
          {tab === "moves" && <MovesTab {...props} />}
          {tab === "clocks" && game && props.evaluations.length > 1 && (
            <Advantage evaluations={props.evaluations} plies={game.moves.length} ply={shown.ply} onGo={props.onGo} />
          )}
          {tab === "clocks" && game && <Clocks game={game} ply={shown.ply} onGo={props.onGo} />}
          {tab === "info" && <GameInfo board={{ ...board, fen: shown.fen }} game={game} round={props.round} event={props.event} />}
          <Controls {...props} total={game?.moves.length ?? board.ply} />
        </section>
      </div>
      {props.sharing && (
        <ShareDialog
          link={`${location.origin}/round/${id}/${board.board}${props.following ? "" : `?ply=${shown.ply}`}`}
          fen={shown.fen}
          embed={`<script src="${location.origin}/embed.js" async></script>\n<chessrelay-board round="${id}" board="${board.board}"></chessrelay-board>`}
          pgn={withToken(`/api/games/${board.game}.pgn`)}
          onClose={() => props.onShare(false)}
        />
      )}
    </>
  );
}

function MovesTab({ game, shown, settings, board, evaluations, onGo }: Props) {
  if (!game) return <p class="quiet pad">{t("movesComing")}</p>;
  return (
    <>
      <Moves game={game} evaluations={evaluations} ply={shown.ply} figurines={settings.figurines} hideResults={settings.hideResults} onGo={onGo} />
      {game.moves.length === 0 && board.result === "*" && <p class="quiet pad">{t("noMoves")}</p>}
    </>
  );
}

function Controls({ shown, total, following, missed, board, onGo, onFlip, onLive, onShare }: Props & { total: number }) {
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
        <button type="button" aria-label={t("share")} title={t("share")} aria-haspopup="dialog" onClick={() => onShare(true)}>
          <Icon name="share" />
        </button>
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
        {t("board", { n: board })}{" "}
        {i >= 0 && (
          <span class="quiet">{board === i + 1 ? t("ofAll", { all: numbers.length }) : t("boardOf", { n: i + 1, all: numbers.length })}</span>
        )}
      </span>
      {link(i < 0 ? undefined : numbers[i + 1], "next")}
    </nav>
  );
}
