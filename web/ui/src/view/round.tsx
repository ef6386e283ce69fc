import type { Choice } from "../model/boards.ts";
import { lastMoveText } from "../model/brief.ts";
import type { Live } from "../model/live.ts";
import type { Settings } from "../model/settings.ts";
import { sizeFor } from "../model/settings.ts";
import { writeResult } from "../model/speak.ts";
import type { Spot } from "../model/spotlight.ts";
import type { Stage } from "../model/stage.ts";
import type { Happening } from "../model/ticker.ts";
import type { Board, Standings, Tournament } from "../model/wire.ts";
import { withToken } from "../net/link.ts";
import { t } from "../text/text.ts";
import { clockTime, type Tab } from "./bar.tsx";
import { Boards } from "./boards.tsx";
import { Early, duration } from "./early.tsx";
import { Loading } from "./notfound.tsx";
import { SpotlightView } from "./spotlight.tsx";
import { About, Tables } from "./tournament.tsx";
import { When } from "./tournaments.tsx";

interface Props {
  readonly live: Live;
  readonly event?: Tournament;
  readonly id: string;
  readonly tab: Tab;
  readonly stage?: Stage;
  /** The node's time, if we know it. */
  readonly now?: number;
  /** Whether a viewing link opened the page. */
  readonly linked?: boolean;
  /** Whether the node shows no boards because they have diverged from the others'. */
  readonly diverged?: boolean;
  readonly settings: Settings;
  readonly sought: Pick<Choice, "query" | "team" | "federation">;
  readonly spot: Spot;
  readonly happenings: readonly Happening[];
  readonly standings?: Standings;
  readonly onSeek: (part: Partial<Pick<Choice, "query" | "team" | "federation">>) => void;
  readonly onSet: (settings: Partial<Settings>) => void;
  readonly onPin: (board: number) => void;
}

export function RoundView(p: Props) {
  const { live, diverged } = p;
  if (!live.round) return <Loading diverged={diverged} />;
  return (
    <>
      <header class="head round-head">
        <h1 class="hidden">{live.round.name}</h1>
        <Summary {...p} round={live.round} />
      </header>
      <Early live={live} linked={p.linked} />
      {p.tab === "boards" && <BoardsTab {...p} />}
      {p.tab === "standings" && (p.standings ? <Tables standings={p.standings} /> : <Loading />)}
      {p.tab === "moves" && <Happenings {...p} />}
      {p.tab === "info" && <Info {...p} />}
    </>
  );
}

/** One line about the round: how many play, when it began, how late it is shown. */
function Summary({ live, id, stage, now, round }: Props & { round: NonNullable<Live["round"]> }) {
  const boards = live.boards.size;
  return (
    <p class="meta">
      {boards > 0 && (
        <span class="tally">
          {stage?.kind === "live" ? t("playing", { n: stage.playing, all: stage.all }) : t("boardCount", { n: boards })}
          {stage?.kind === "finished" && `, ${t("finished")}`}
        </span>
      )}
      <When round={round} now={now ?? 0} />
      {!!round.delay && live.early === undefined && <span>{t("lateBy", { time: duration(round.delay) })}</span>}
      {boards > 0 && (
        <a href={withToken(`/api/rounds/${id}.pgn`)} download>
          PGN
        </a>
      )}
    </p>
  );
}

function BoardsTab(p: Props) {
  const { live, stage, settings } = p;
  const delay = live.round?.delay;
  if (live.boards.size === 0) {
    const late = delay && live.early === undefined ? duration(delay) : undefined;
    const until = stage?.kind === "held" ? stage.until : live.round?.startsAt && live.round.startsAt + (delay ?? 0) * 1000;
    return (
      <p class="message quiet">
        {late === undefined ? t("noBoards") : until ? t("noBoardsHeld", { delay: late, time: clockTime(until) }) : t("noBoardsLate", { delay: late })}
      </p>
    );
  }
  const many = sizeFor(settings, live.boards.size) === "list";
  const on = live.boards.size > 1 && (settings.spotlight ?? many);
  const spot = live.boards.get(p.spot.board ?? -1) ?? newest(live.boards.values());
  return (
    <div class={on ? "boards-tab with-spotlight" : "boards-tab"}>
      <div class="boards-main">
        <Boards id={p.id} boards={live.boards} now={p.now} settings={settings} {...p.sought} onChoose={p.onSeek} onSet={p.onSet} />
      </div>
      {on && spot && (
        <SpotlightView
          board={spot}
          href={`/round/${p.id}/${spot.board}`}
          now={p.now}
          pinned={p.spot.pinned && p.spot.board === spot.board}
          hideResults={settings.hideResults}
          onPin={() => p.onPin(spot.board)}
          onClose={() => p.onSet({ spotlight: false })}
        />
      )}
    </div>
  );
}

/** The board with the newest move among those that play, otherwise the first. */
function newest(boards: Iterable<Board>): Board | undefined {
  let best: Board | undefined;
  for (const b of boards) {
    const better = best === undefined || (b.result === "*" && (best.result !== "*" || (b.at ?? 0) > (best.at ?? 0)));
    if (better) best = b;
  }
  return best;
}

/** What happened in the round, the newest first. */
function Happenings({ live, id, happenings, settings, now }: Props) {
  if (happenings.length === 0) return <p class="message quiet">{t("nothingYet")}</p>;
  return (
    <ol class="happenings card">
      {happenings.map((h) => {
        const b = live.boards.get(h.board);
        if (!b) return null;
        return (
          <li key={h.key} data-kind={h.kind}>
            <a href={`/round/${id}/${h.board}`}>
              <span class="number">{h.board}</span>
              <span class="pair">
                {b.white.name} – {b.black.name}
              </span>
              <b class="what">{what(h, b, settings.hideResults)}</b>
              {h.at !== undefined && (
                <time class="quiet" dateTime={new Date(h.at).toISOString()} title={now === undefined ? undefined : new Date(h.at).toLocaleString()}>
                  {clockTime(h.at)}
                </time>
              )}
            </a>
          </li>
        );
      })}
    </ol>
  );
}

function what(h: Happening, b: Board, hideResults: boolean): string {
  switch (h.kind) {
    case "move":
      return lastMoveText({ fen: h.fen, lastMove: { san: h.san, uci: "" } });
    case "takeback":
      return t("takenBackTo", { n: h.ply });
    case "correction":
      return t("correctedTo", { n: h.ply });
    default:
      return hideResults ? t("resultHidden") : writeResult(b);
  }
}

/** What the organiser says of the event and of the round. */
function Info({ event, live, id }: Props) {
  return (
    <section class="card info-card">
      <h2>{event?.name}</h2>
      {event && <About tournament={event} />}
      {event?.description && <p>{event.description}</p>}
      {event?.players && <p class="quiet">{event.players}</p>}
      <h2>{live.round?.name}</h2>
      {live.round?.description && <p>{live.round.description}</p>}
      <p class="meta">
        {live.round && <When round={live.round} now={Date.now()} />}
        <a href={withToken(`/api/rounds/${id}.pgn`)} download>
          PGN
        </a>
      </p>
    </section>
  );
}
