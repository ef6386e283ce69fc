import { formatClock } from "../model/clock.ts";
import { clockPoints, type Point } from "../model/used.ts";
import type { Board, Game, Round, Tournament } from "../model/wire.ts";
import { t } from "../text/text.ts";
import { Graph } from "./graph.tsx";
import { Flag } from "./person.tsx";
import { Pure } from "./pure.ts";

export const sheetTabs = ["moves", "clocks", "info"] as const;
export type SheetTab = (typeof sheetTabs)[number];

interface TabsProps {
  readonly tab: SheetTab;
  readonly onTab: (tab: SheetTab) => void;
}

/** The views of one game. */
export function SheetTabs({ tab, onTab }: TabsProps) {
  return (
    <div class="sheet-tabs" role="group" aria-label={t("sheet")}>
      {sheetTabs.map((name) => (
        <button key={name} type="button" data-sheet={name} aria-pressed={tab === name} onClick={() => onTab(name)}>
          {t(name)}
        </button>
      ))}
    </div>
  );
}

const width = 320;
const height = 160;

/** Both clocks over the whole game, and the ply on show. */
export class Clocks extends Pure<{ readonly game: Game; readonly ply: number; readonly onGo: (ply: number) => void }> {
  override render({ game, ply, onGo }: { game: Game; ply: number; onGo: (ply: number) => void }) {
    const { white, black, most } = clockPoints(game);
    const last = Math.max(1, game.moves.length);
    if (white.length + black.length < 3) return <p class="quiet pad">{t("noClocks")}</p>;
    const x = (p: number) => (p / last) * width;
    const y = (left: number) => height - (left / most) * (height - 8);
    const line = (points: readonly Point[]) => points.map((p, i) => `${i === 0 ? "M" : "L"}${x(p.ply).toFixed(1)} ${y(p.left).toFixed(1)}`).join("");
    return (
      <div class="clock-graph pad">
        <Graph label={t("clockGraph")} width={width} height={height} plies={game.moves.length} ply={ply} onGo={onGo}>
          <path class="base" d={`M0 ${height}H${width}`} />
          <path class="white" d={line(white)} />
          <path class="black" d={line(black)} />
        </Graph>
        <p class="legend quiet">
          <span class="key white">{t("white")}</span> <span class="key black">{t("black")}</span>
          <span>{t("fromTime", { time: formatClock(most) })}</span>
        </p>
      </div>
    );
  }
}

interface InfoProps {
  readonly board: Board;
  readonly game?: Game;
  readonly round?: Round;
  readonly event?: Tournament;
}

/** What is known of a game besides its moves. */
export function GameInfo({ board: b, game, round, event }: InfoProps) {
  const tags = game?.tags ?? {};
  const rows: [string, string | undefined][] = [
    [t("event"), event?.name ?? round?.tournamentName],
    [t("round"), round?.name],
    [t("timeControl"), b.timeControl ?? game?.timeControl ?? event?.timeControl],
    [t("opening"), [tags.ECO, tags.Opening, tags.Variation].filter(Boolean).join(" ") || undefined],
    [t("variant"), b.variant],
    [t("date"), tags.Date],
    ["FEN", b.fen],
  ];
  return (
    <div class="pad game-info">
      {(["white", "black"] as const).map((side) => (
        <section key={side} class={`card-player ${side}`}>
          <span class="disc" />
          <div>
            <b>
              {b[side].title && <abbr class="title">{b[side].title}</abbr>} {b[side].name}
            </b>
            <p class="quiet">
              <Flag federation={b[side].federation} /> {[b[side].federation, b[side].rating, b[side].team].filter(Boolean).join(" · ")}
            </p>
            {b[side].fideId && (
              <a href={`https://ratings.fide.com/profile/${b[side].fideId}`} target="_blank" rel="noopener">
                FIDE {b[side].fideId}
              </a>
            )}
          </div>
        </section>
      ))}
      <dl>
        {rows
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </div>
  );
}
