import { thinkingFor } from "../model/brief.ts";
import type { Board } from "../model/wire.ts";
import { t } from "../text/text.ts";
import { Icon } from "./icon.tsx";
import { MiniBoard } from "./miniboard.tsx";
import { clockProps, PlayerRow } from "./player.tsx";
import { ribbonOf } from "./ribbon.tsx";
import { LastMove, thinkingText } from "./tile.tsx";

interface Props {
  readonly board: Board;
  readonly href: string;
  readonly now?: number;
  readonly pinned: boolean;
  readonly hideResults: boolean;
  readonly onPin: () => void;
  readonly onClose: () => void;
}

/** The board on which something just happened, drawn large beside the others. */
export function SpotlightView({ board: b, href, now, pinned, hideResults, onPin, onClose }: Props) {
  const ribbon = ribbonOf(b, hideResults);
  const result = hideResults ? "*" : b.result;
  const thinking = thinkingFor(b, now);
  return (
    <aside class="spotlight" aria-label={t("spotlight")} data-spot={b.board}>
      <p class="spotlight-head">
        <span class="number">{t("board", { n: b.board })}</span>
        <LastMove board={b} thinking={thinking} />
        {thinking !== undefined && thinking >= 10 && <span class="thinking">{thinkingText(thinking)}</span>}
        <button type="button" aria-pressed={pinned} aria-label={t(pinned ? "unpin" : "pin")} title={t(pinned ? "unpin" : "pin")} onClick={onPin}>
          <Icon name="pin" full={pinned} />
        </button>
        <button type="button" aria-label={t("close")} title={t("close")} onClick={onClose}>
          <Icon name="close" />
        </button>
      </p>
      <a href={href}>
        <PlayerRow player={b.black} side="black" result={result} forfeit={b.forfeit} full {...clockProps(b, "black", now)} />
        <div class="tile-board">
          <MiniBoard key={b.game} fen={b.fen} ply={b.ply} uci={b.lastMove?.uci} />
          {ribbon && <p class={`ribbon mark ${ribbon.kind}`}>{ribbon.text}</p>}
        </div>
        <PlayerRow player={b.white} side="white" result={result} forfeit={b.forfeit} full {...clockProps(b, "white", now)} />
      </a>
    </aside>
  );
}
