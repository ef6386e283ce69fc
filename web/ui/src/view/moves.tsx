import { createRef } from "preact";
import { formatClock } from "../model/clock.ts";
import { numbering } from "../model/fen.ts";
import { score, swings } from "../model/evaluation.ts";
import { written } from "../model/san.ts";
import { startFen } from "../model/score-sheet.ts";
import { writeResult } from "../model/speak.ts";
import { usedTimes } from "../model/used.ts";
import type { Change, Evaluation, Game, Move } from "../model/wire.ts";
import { t } from "../text/text.ts";
import { clockTime } from "./bar.tsx";
import { Pure } from "./pure.ts";
import { thinkingText } from "./tile.tsx";

interface Props {
  readonly game: Game;
  readonly evaluations: readonly Evaluation[];
  /** The ply on show. */
  readonly ply: number;
  readonly figurines: boolean;
  readonly hideResults: boolean;
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

  override render({ game, evaluations, ply, figurines, hideResults, onGo }: Props) {
    const swing = swings(evaluations);
    const known = new Map(evaluations.map((e) => [e.ply, e]));
    const start = startFen(game);
    const used = usedTimes(game);
    const notes = notesOf(game);
    return (
      <ol class="moves" ref={this.#list} aria-label={t("moves")} tabIndex={-1}>
        {notes.get(0)?.map((c) => (
          <Note key={c.index} change={c} start={start} hideResults={hideResults} />
        ))}
        {game.moves.map((m, i) => [
          <MoveItem
            key={m.ply}
            move={m}
            used={used[i]}
            start={start}
            current={m.ply === ply}
            swing={swing.has(m.ply) ? score(known.get(m.ply)!) : undefined}
            figurines={figurines}
            onGo={onGo}
          />,
          notes.get(m.ply)?.map((c) => <Note key={`note ${c.index}`} change={c} start={start} hideResults={hideResults} />),
        ])}
        {game.result !== "*" && !hideResults && <li class="end">{writeResult(game)}</li>}
      </ol>
    );
  }
}

/** The changes that a viewer should know of, by the ply after which each is shown. */
function notesOf({ changes = [], moves }: Game): ReadonlyMap<number, readonly Change[]> {
  const out = new Map<number, Change[]>();
  for (const c of changes) {
    const told =
      c.kind === "takeback" || c.kind === "correction" || (c.kind === "result" && (c.reason !== undefined || (c.was !== undefined && c.was !== "*")));
    if (!told) continue;
    const at = Math.min(c.toPly, moves.length);
    out.set(at, [...(out.get(at) ?? []), c]);
  }
  return out;
}

interface NoteProps {
  readonly change: Change;
  readonly start: string;
  readonly hideResults: boolean;
}

/** A takeback, a correction or a result, with its time and its reason. */
function Note({ change: c, start, hideResults }: NoteProps) {
  const number = (ply: number) => {
    const { move, side } = numbering(start, ply);
    return side === "white" ? `${move}.` : `${move}…`;
  };
  const what = () => {
    if (c.kind === "correction") return t("corrected", { from: number(c.toPly + 1) });
    if (c.kind === "result") return t("resultSet", { result: hideResults ? "?" : writeResult({ result: c.result ?? "*", forfeit: c.forfeit }) });
    return c.fromPly === c.toPly + 1
      ? t("takenBackOne", { from: number(c.fromPly) })
      : t("takenBack", { from: number(c.toPly + 1), to: number(c.fromPly) });
  };
  return (
    <li class="note" data-change={c.kind}>
      <b>{what()}</b>
      {c.reason && <span>: {c.reason}</span>}
      {c.at > 0 && <time dateTime={new Date(c.at).toISOString()}> · {clockTime(c.at)}</time>}
    </li>
  );
}

interface ItemProps {
  readonly move: Move;
  /** How long the move took, in milliseconds. */
  readonly used?: number;
  readonly start: string;
  readonly current: boolean;
  /** The evaluation after the move, if it is one of those that changed most. */
  readonly swing?: string;
  readonly figurines: boolean;
  readonly onGo: (ply: number) => void;
}

class MoveItem extends Pure<ItemProps> {
  override render({ move, used, start, current, swing, figurines, onGo }: ItemProps) {
    const { move: number, side } = numbering(start, move.ply);
    const left = move.clock[side];
    const first = move.ply === 1 && side === "black";
    return (
      <li class={side} data-ply={move.ply} data-illegal={move.illegal} aria-current={current ? "true" : undefined}>
        {(side === "white" || first) && <span class="number">{number}.</span>}
        {/* One stop for the Tab key, not two hundred: the arrow keys step through the rest. */}
        <button type="button" tabIndex={current ? 0 : -1} onClick={() => onGo(move.ply)}>
          <span class="san">{written(move.san, figurines)}</span> {move.illegal && <span class="illegal">illegal</span>}{" "}
          {swing && <span class="swing">{swing}</span>}{" "}
          {left !== undefined && (
            <span class="left" title={used === undefined ? undefined : t("thinking", { time: thinkingText(Math.round(used / 1000)) })}>
              {formatClock(left)}
              {used !== undefined && <span class="used"> {thinkingText(Math.round(used / 1000))}</span>}
            </span>
          )}
        </button>
      </li>
    );
  }
}
