import type { Live } from "../model/live.ts";
import { matches, type Match } from "../model/matches.ts";
import { writeResult } from "../model/speak.ts";
import { written } from "../model/standings.ts";
import type { Board } from "../model/wire.ts";
import { withToken } from "../net/link.ts";
import { Early, duration } from "./early.tsx";
import { MiniBoard } from "./miniboard.tsx";
import { Loading } from "./notfound.tsx";
import { clockProps, PlayerRow } from "./player.tsx";
import { Pure } from "./pure.ts";
import { When } from "./tournaments.tsx";

interface Props {
  readonly live: Live;
  readonly tournament?: string;
  readonly id: string;
  /** The node's time, if we know it. */
  readonly now?: number;
  /** Whether a viewing link opened the page. */
  readonly linked?: boolean;
  /** Whether the node shows no boards because they have diverged from the others'. */
  readonly diverged?: boolean;
}

export function RoundView({ live, tournament, id, now, linked, diverged }: Props) {
  if (!live.round) return <Loading diverged={diverged} />;
  const boards = [...live.boards.values()];
  const over = boards.filter((b) => b.result !== "*").length;
  return (
    <>
      <header class="head">
        <div>
          <p class="crumbs">
            <a href={`/tournament/${live.round.tournament}`}>{tournament ?? "Tournament"}</a>
          </p>
          <h1>{live.round.name}</h1>
        </div>
        <p class="meta">
          <When round={live.round} now={now ?? 0} />
          <span>
            {boards.length} {boards.length === 1 ? "board" : "boards"}
            {live.round.status === "finished" ? ", finished" : over > 0 && `, ${over === boards.length ? "all" : over} finished`}
          </span>
          {!!live.round.delay && live.early === undefined && <span>delayed by {duration(live.round.delay)}</span>}
          {boards.length > 0 && (
            <a href={withToken(`/api/rounds/${id}.pgn`)} download>
              PGN
            </a>
          )}
        </p>
      </header>
      <Early live={live} linked={linked} />
      {boards.length === 0 ? (
        <p class="message quiet">No boards yet. They appear here as they are set up.</p>
      ) : (
        <>
          <Matches list={matches(boards)} />
          <ul class="tiles">
            {boards.map((b) => (
              <Tile
                key={b.board}
                board={b}
                href={`/round/${id}/${b.board}`}
                white={clockProps(b, "white", now)}
                black={clockProps(b, "black", now)}
              />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** The standing of the matches in this round. */
function Matches({ list }: { list: readonly Match[] }) {
  if (list.length === 0) return null;
  return (
    <ul class="matches" aria-label="Matches">
      {list.map((m) => (
        <li
          key={m.boards[0]}
          class={m.finished ? "over" : ""}
          data-match={m.teams.join(" – ")}
          data-score={m.score.join(" ")}
          data-finished={m.finished}
        >
          <span class={lead(m, 0)}>{m.teams[0]}</span>
          <span class="score">
            {written(m.score[0])} : {written(m.score[1])}
          </span>
          <span class={lead(m, 1)}>{m.teams[1]}</span>
          {!m.finished && <span class="quiet">{`${m.results} of ${m.boards.length}`}</span>}
        </li>
      ))}
    </ul>
  );
}

function lead(m: Match, side: 0 | 1): string {
  return m.finished && m.score[side] > m.score[side === 0 ? 1 : 0] ? "team lead" : "team";
}

interface TileProps {
  readonly board: Board;
  readonly href: string;
  readonly white: ReturnType<typeof clockProps>;
  readonly black: ReturnType<typeof clockProps>;
}

class Tile extends Pure<TileProps> {
  override shouldComponentUpdate(next: TileProps): boolean {
    const now = this.props;
    return next.board !== now.board || next.href !== now.href || !alike(next.white, now.white) || !alike(next.black, now.black);
  }

  override render({ board: b, href, white, black }: TileProps) {
    return (
      <li class="tile" data-board={b.board} data-fen={b.fen} data-ply={b.ply} data-result={b.result} data-forfeit={b.forfeit}>
        <a href={href}>
          <span class="hidden">{label(b)}</span>
          <div aria-hidden="true">
            <PlayerRow player={b.black} side="black" result={b.result} forfeit={b.forfeit} {...black} />
            <MiniBoard fen={b.fen} ply={b.ply} uci={b.lastMove?.uci} />
            <PlayerRow player={b.white} side="white" result={b.result} forfeit={b.forfeit} {...white} />
            {b.lastMove?.illegal && <p class="mark illegal">Illegal move {b.lastMove.san}</p>}
            {b.warning && (
              <p class="mark warning" title={b.warning}>
                Warning
              </p>
            )}
          </div>
        </a>
      </li>
    );
  }
}

function alike(a: TileProps["white"], b: TileProps["white"]): boolean {
  return a.clock === b.clock && a.running === b.running && a.short === b.short;
}

function label(b: Board): string {
  const last = b.lastMove ? `last move ${b.lastMove.san}${b.lastMove.illegal ? ", illegal" : ""}` : "not begun";
  const state = b.result !== "*" ? writeResult(b) : last;
  return `Board ${b.board}: ${b.white.name} – ${b.black.name}, ${state}${b.warning ? `; warning: ${b.warning}` : ""}`;
}
