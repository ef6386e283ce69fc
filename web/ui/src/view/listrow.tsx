import { label } from "../model/brief.ts";
import type { Side } from "../model/fen.ts";
import { t } from "../text/text.ts";
import { Flag, PersonName } from "./person.tsx";
import { points } from "./player.tsx";
import { Pure } from "./pure.ts";
import { ribbonOf } from "./ribbon.tsx";
import { alike, LastMove, marks, type BriefProps } from "./tile.tsx";

/** One board as a line: its number, the players, the clocks, and the last move or the result. */
export class ListRow extends Pure<BriefProps> {
  override shouldComponentUpdate(next: BriefProps): boolean {
    return !alike(this.props, next);
  }

  override render(p: BriefProps) {
    const b = p.board;
    const ribbon = ribbonOf(b, p.hideResults);
    const right: Side = p.bottom === "white" ? "black" : "white";
    return (
      <div class="list-row tile" {...marks(p)}>
        <a href={p.href}>
          <span class="hidden">{label(b, p.hideResults)}</span>
          <div class="cells" aria-hidden="true">
            <span class="number">
              {p.followed ? "★ " : ""}
              {b.board}
            </span>
            <Half p={p} side={p.bottom} />
            <span class="middle">
              {b.result === "*" ? (
                <LastMove board={b} thinking={p.thinking} />
              ) : p.hideResults ? (
                <span class="over">{t("resultHidden")}</span>
              ) : (
                <b class="score">
                  {points(b.result, p.bottom, b.forfeit)} : {points(b.result, right, b.forfeit)}
                </b>
              )}
              {ribbon && ribbon.kind !== "over" && <span class={`mark ${ribbon.kind}`}>{ribbon.text}</span>}
            </span>
            <Half p={p} side={right} />
          </div>
        </a>
      </div>
    );
  }
}

function Half({ p, side }: { p: BriefProps; side: Side }) {
  const b = p.board;
  const score = p.hideResults ? undefined : points(b.result, side, b.forfeit);
  const { clock, running, short } = p[side];
  return (
    <span class={`half ${side}`}>
      <span class="disc" title={t(side)} />
      <PersonName player={b[side]} won={score === "1" || score === "+"} />
      <Flag federation={b[side].federation} />
      {b[side].rating && <span class="rating">{b[side].rating}</span>}
      {clock !== undefined && b.result === "*" && (
        <span class={`clock${running ? " running" : ""}${short ? " short" : ""}`} data-side={side}>
          {clock}
        </span>
      )}
    </span>
  );
}
