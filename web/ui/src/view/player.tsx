import { formatClock, running, timeLeft, type Ticking } from "../model/clock.ts";
import type { Side } from "../model/fen.ts";
import type { Player, Result } from "../model/wire.ts";
import { Pure } from "./pure.ts";

export interface PlayerProps {
  readonly player: Player;
  readonly side: Side;
  /** The time on the clock; undefined if unknown. */
  readonly clock?: string;
  readonly running: boolean;
  readonly short: boolean;
  readonly result: Result;
  readonly forfeit?: boolean;
}

/** The clocks for a player's row, at `now` on the node's clock. */
export function clockProps(ticking: Ticking, side: Side, now: number | undefined): { clock?: string; running: boolean; short: boolean } {
  const left = timeLeft(ticking, side, now);
  const runs = now !== undefined && left !== undefined && running(ticking) === side;
  return { clock: left === undefined ? undefined : formatClock(left), running: runs, short: left !== undefined && left < 20_000 };
}

/**
 * The points of a side: "1", "0" or "½", for a forfeit "+" or "−"; nothing while the game goes on.
 */
export function points(result: Result, side: Side, forfeit?: boolean): string | undefined {
  if (result === "*") return undefined;
  const [white, black] = result.split("-");
  const got = side === "white" ? white : black;
  if (forfeit && got !== "1/2") return got === "1" ? "+" : "−";
  return got?.replace("1/2", "½");
}

/** A player's name and details, clock and points. */
export class PlayerRow extends Pure<PlayerProps & { readonly full?: boolean }> {
  override render({ player, side, clock, running, short, result, forfeit, full }: PlayerProps & { full?: boolean }) {
    const score = points(result, side, forfeit);
    return (
      <div class={`player ${side}${score === "1" || score === "+" ? " won" : ""}`}>
        <span class="disc" title={side === "white" ? "White" : "Black"} />
        <span class="who">
          <span class="name" title={player.name}>
            {player.title && <abbr class="title">{player.title}</abbr>}
            {player.name}
          </span>
          {full ? (
            <span class="facts">
              {player.rating && <span>{player.rating}</span>}
              {player.federation && <span>{player.federation}</span>}
              {player.team && player.team !== player.federation && <span class="team">{player.team}</span>}
            </span>
          ) : (
            player.rating && <span class="rating">{player.rating}</span>
          )}
        </span>
        {score && (
          <span class="points" title={forfeit ? "By forfeit" : undefined}>
            {score}
          </span>
        )}
        {clock !== undefined && (
          <span
            class={`clock${running ? " running" : ""}${short ? " short" : ""}`}
            data-side={side}
            role="timer"
            aria-label={`${side === "white" ? "White" : "Black"}’s clock`}
            aria-live="off"
          >
            {clock}
          </span>
        )}
      </div>
    );
  }
}
