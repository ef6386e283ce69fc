import { formatClock } from "../model/clock.ts";
import { lastMoveText, label } from "../model/brief.ts";
import type { Side } from "../model/fen.ts";
import type { Board } from "../model/wire.ts";
import { t } from "../text/text.ts";
import { MiniBoard } from "./miniboard.tsx";
import { Flag, PersonName } from "./person.tsx";
import { points, type clockProps } from "./player.tsx";
import { Pure } from "./pure.ts";
import { ribbonOf } from "./ribbon.tsx";

export interface BriefProps {
  readonly board: Board;
  readonly href: string;
  readonly white: ReturnType<typeof clockProps>;
  readonly black: ReturnType<typeof clockProps>;
  /** How long the side to move has been thinking, in whole seconds. */
  readonly thinking?: number;
  readonly hideResults: boolean;
  readonly followed: boolean;
  /** The side at the bottom, so that a team of a match stays on its side. */
  readonly bottom: Side;
  /** For screen readers, since only a part of the list is drawn. */
  readonly place: number;
  readonly of: number;
}

/** Whether two sets of properties are drawn alike. */
export function alike(a: BriefProps, b: BriefProps): boolean {
  return (
    a.board === b.board &&
    a.href === b.href &&
    a.thinking === b.thinking &&
    a.hideResults === b.hideResults &&
    a.followed === b.followed &&
    a.bottom === b.bottom &&
    a.place === b.place &&
    a.of === b.of &&
    same(a.white, b.white) &&
    same(a.black, b.black)
  );
}

function same(a: BriefProps["white"], b: BriefProps["white"]): boolean {
  return a.clock === b.clock && a.running === b.running && a.short === b.short;
}

/** What a board of a list says of itself to screen readers and tests. */
export function marks({ board: b, place, of }: BriefProps) {
  return {
    role: "listitem",
    "aria-posinset": place,
    "aria-setsize": of,
    "data-board": b.board,
    "data-fen": b.fen,
    "data-ply": b.ply,
    "data-result": b.result,
    "data-forfeit": b.forfeit,
  } as const;
}

/** One board among many: the position, the players, the clocks, and what happened last. */
export class Tile extends Pure<BriefProps> {
  override shouldComponentUpdate(next: BriefProps): boolean {
    return !alike(this.props, next);
  }

  override render(p: BriefProps) {
    const b = p.board;
    const ribbon = ribbonOf(b, p.hideResults);
    const result = p.hideResults ? "*" : b.result;
    const top: Side = p.bottom === "white" ? "black" : "white";
    return (
      <div class="tile" {...marks(p)}>
        <a href={p.href}>
          <span class="hidden">{label(b, p.hideResults)}</span>
          <div aria-hidden="true">
            <p class="tile-head">
              <span class="number">{b.board}</span>
              {p.followed && <span class="followed">★</span>}
              <LastMove board={b} thinking={p.thinking} />
              {p.thinking !== undefined && p.thinking >= 10 && (
                <span class="thinking" title={t("thinking", { time: formatClock(p.thinking * 1000 + 20_000) })}>
                  {thinkingText(p.thinking)}
                </span>
              )}
            </p>
            <Row board={b} side={top} result={result} {...p[top]} />
            <div class="tile-board">
              <MiniBoard fen={b.fen} ply={b.ply} uci={b.lastMove?.uci} flipped={p.bottom === "black"} />
              {ribbon && (
                <p class={`ribbon mark ${ribbon.kind}`} title={b.warning}>
                  {ribbon.text}
                </p>
              )}
            </div>
            <Row board={b} side={p.bottom} result={result} {...p[p.bottom]} />
          </div>
        </a>
      </div>
    );
  }
}

/** Seconds as m:ss. */
export function thinkingText(seconds: number): string {
  const m = Math.floor(seconds / 60);
  return m < 60 ? `${m}:${String(seconds % 60).padStart(2, "0")}` : `${Math.floor(m / 60)}:${String(m % 60).padStart(2, "0")} h`;
}

/** For so many seconds a new move glows. */
const fresh = 6;

/** The last move; a new one glows for some seconds. */
export function LastMove({ board: b, thinking }: { board: Board; thinking?: number }) {
  return (
    <span key={b.ply} class={thinking !== undefined && thinking < fresh ? "last-move fresh" : "last-move"}>
      {lastMoveText(b)}
    </span>
  );
}

interface RowProps {
  readonly board: Board;
  readonly side: Side;
  readonly result: Board["result"];
  readonly clock?: string;
  readonly running: boolean;
  readonly short: boolean;
}

function Row({ board, side, result, clock, running, short }: RowProps) {
  const player = board[side];
  const score = points(result, side, board.forfeit);
  const won = score === "1" || score === "+";
  return (
    <div class={`player ${side}${won ? " won" : ""}`}>
      <span class="disc" />
      <span class="who">
        <PersonName player={player} won={won} />
        <span class="under">
          <Flag federation={player.federation} />
          {player.rating && <span class="rating">{player.rating}</span>}
          {player.team && player.team !== player.federation && <span class="team">{player.team}</span>}
        </span>
      </span>
      {score && <span class="points">{score}</span>}
      {clock !== undefined && board.result === "*" && (
        <span class={`clock${running ? " running" : ""}${short ? " short" : ""}`} data-side={side}>
          {clock}
        </span>
      )}
    </div>
  );
}
