import { Component, createRef, type VNode } from "preact";
import { thinkingFor } from "../model/brief.ts";
import { choose, chips, everything, groups, isShort, orders, type Chip, type Choice, type Order } from "../model/boards.ts";
import { columnsIn, rowsOf, visible, type Group } from "../model/layout.ts";
import { matches, type Match } from "../model/matches.ts";
import { personKey } from "../model/names.ts";
import { sizeFor, sizes, type Settings, type Size } from "../model/settings.ts";
import { written } from "../model/standings.ts";
import type { Board } from "../model/wire.ts";
import { t, type Name } from "../text/text.ts";
import { Icon } from "./icon.tsx";
import { ListRow } from "./listrow.tsx";
import { clockProps } from "./player.tsx";
import { Tile, type BriefProps } from "./tile.tsx";

interface Props {
  readonly id: string;
  readonly boards: ReadonlyMap<number, Board>;
  readonly now?: number;
  readonly settings: Settings;
  readonly query: string;
  readonly team: string;
  readonly federation: string;
  readonly onChoose: (choice: Partial<Pick<Choice, "query" | "team" | "federation">>) => void;
  readonly onSet: (settings: Partial<Settings>) => void;
}

interface Place {
  /** Of the list itself, in pixels. */
  readonly width: number;
  /** Which part of it is on the screen. */
  readonly from: number;
  readonly to: number;
  /** Whether a narrow screen shows the rarer choices. */
  readonly options: boolean;
}

/** Drawn beyond the screen, so that a quick scroll finds something. */
const margin = 600;

const matchHeight = 52;
/** Between tiles, in pixels; lines stand closer. */
const gap = 10;
const lineGap = 4;

/**
 * All boards of a round that fit the viewer's choice. Only the rows on the screen are drawn, so a
 * thousand boards cost what a screenful costs.
 */
export class Boards extends Component<Props, Place> {
  override state: Place = { width: 0, from: 0, to: 2000, options: false };
  readonly #list = createRef<HTMLDivElement>();
  #observer: ResizeObserver | undefined;
  #asked = false;
  readonly #moved = () => {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#measure();
    });
  };

  override componentDidMount(): void {
    window.addEventListener("scroll", this.#moved, { passive: true });
    window.addEventListener("resize", this.#moved);
    this.#observer = new ResizeObserver(this.#moved);
    this.#observer.observe(this.#list.current!);
    this.#measure();
  }

  override componentWillUnmount(): void {
    window.removeEventListener("scroll", this.#moved);
    window.removeEventListener("resize", this.#moved);
    this.#observer?.disconnect();
  }

  #measure(): void {
    const box = this.#list.current?.getBoundingClientRect();
    if (!box) return;
    // Steps of 200 pixels, so that not every pixel of a scroll draws.
    const from = Math.floor((-box.top - margin) / 200) * 200;
    const to = Math.ceil((innerHeight - box.top + margin) / 200) * 200;
    const { state } = this;
    if (box.width !== state.width || from !== state.from || to !== state.to) this.setState({ width: box.width, from, to });
  }

  override render(p: Props, place: Place) {
    const size = sizeFor(p.settings, p.boards.size);
    const followed = new Set(p.settings.followed);
    const choice: Choice = { query: p.query, chip: p.settings.chip, team: p.team, federation: p.federation, order: p.settings.order };
    const chosen = choose(p.boards.values(), choice, followed, p.now);
    const grouped = byMatch(chosen, p.boards, choice);
    const draw = measures(size, place.width || innerWidth, Math.max(1, ...grouped.map((g) => g.items.length)));
    const { rows, height } = rowsOf(grouped, draw);
    const on = visible(rows, place.from, place.to);
    const places = new Map(chosen.map((b, i) => [b.board, i + 1]));
    const item = (b: Board): VNode => {
      const props: BriefProps = {
        board: b,
        href: `/round/${p.id}/${b.board}`,
        white: clockProps(b, "white", p.now),
        black: clockProps(b, "black", p.now),
        thinking: thinkingFor(b, p.now),
        hideResults: p.settings.hideResults,
        followed: followed.has(personKey(b.white)) || followed.has(personKey(b.black)),
        bottom: bottomOf(b, grouped),
        place: places.get(b.board)!,
        of: chosen.length,
      };
      return size === "list" ? <ListRow key={b.board} {...props} /> : <Tile key={b.board} {...props} />;
    };
    return (
      <>
        <Toolbar {...p} size={size} followed={followed} options={place.options} onOptions={() => this.setState({ options: !place.options })} />
        {chosen.length === 0 && (
          <p class="message quiet">
            {t("noneFound")}{" "}
            <button
              type="button"
              class="link"
              onClick={() => {
                p.onChoose({ query: "", team: "", federation: "" });
                p.onSet({ chip: "all" });
              }}
            >
              {t("showAll")}
            </button>
          </p>
        )}
        <div ref={this.#list} class={`boards-list ${size}`} role="list" style={{ height: `${height}px` }}>
          {on.map((row) => (
            <div
              key={row.head ? `match ${row.head.boards[0]}` : `row ${row.items[0]!.board}`}
              class="boards-row"
              role="presentation"
              style={{
                top: `${row.top}px`,
                height: `${row.height - (size === "list" ? lineGap : gap)}px`,
                gridTemplateColumns: `repeat(${draw.columns}, minmax(0, ${draw.most}px))`,
              }}
            >
              {row.head ? <MatchHead match={row.head} hideResults={p.settings.hideResults} /> : row.items.map(item)}
            </div>
          ))}
        </div>
      </>
    );
  }
}

/** How large boards are drawn in a list of that width, of which so many at most belong together. */
function measures(size: Size, width: number, boards: number): { columns: number; item: number; head: number; most: number } {
  if (size === "list") return { columns: width >= 1500 ? 2 : 1, item: (width < 640 ? 48 : 32) + lineGap, head: matchHeight, most: width };
  const phone = width < 520;
  const least = { small: phone ? 104 : 148, medium: phone ? 160 : Math.min(384, Math.max(184, width * 0.148)), large: phone ? 300 : 330 }[size];
  const rows = Math.ceil(boards / columnsIn(width, least, gap));
  const columns = Math.ceil(boards / rows); // as many in the last row as in the others, if possible
  const most = Math.min(480, (width - gap * (columns - 1)) / columns);
  // The head line, two players, the padding; then the board, which is a square.
  const around = size === "small" ? 22 + 2 * 24 + 6 : 24 + 2 * 42 + 9;
  return { columns, item: Math.round(around + (most - (size === "small" ? 8 : 14)) + gap), head: matchHeight, most };
}

/** The boards in blocks for each match, if the round is played by teams and in its own order. */
function byMatch(chosen: readonly Board[], all: ReadonlyMap<number, Board>, choice: Choice): readonly Group<Board, Match>[] {
  if (choice.order !== "board") return [{ items: chosen }];
  const list = matches(all.values());
  if (list.length === 0) return [{ items: chosen }];
  const of = new Map(list.flatMap((m) => m.boards.map((n) => [n, m] as const)));
  const out: { head?: Match; items: Board[] }[] = [];
  const blocks = new Map<Match | undefined, Board[]>();
  for (const b of chosen) {
    const match = of.get(b.board);
    let items = blocks.get(match);
    if (!items) {
      items = [];
      blocks.set(match, items);
      out.push({ head: match, items });
    }
    items.push(b);
  }
  return out;
}

/** The first team of a match stays at the bottom of each of its boards, and on the left of each line. */
function bottomOf(b: Board, grouped: readonly Group<Board, Match>[]): "white" | "black" {
  const match = grouped.find((g) => g.head?.boards.includes(b.board))?.head;
  return match && b.black.team?.trim() === match.teams[0] && b.white.team?.trim() !== match.teams[0] ? "black" : "white";
}

function MatchHead({ match: m, hideResults }: { match: Match; hideResults: boolean }) {
  const lead = (side: 0 | 1) => (m.finished && m.score[side] > m.score[side === 0 ? 1 : 0] && !hideResults ? "team lead" : "team");
  return (
    <h2 class={m.finished ? "match over" : "match"} data-match={m.teams.join(" – ")} data-score={m.score.join(" ")} data-finished={m.finished}>
      <span class={lead(0)}>{m.teams[0]}</span>
      <span class="score">{hideResults ? "–" : `${written(m.score[0])} : ${written(m.score[1])}`}</span>
      <span class={lead(1)}>{m.teams[1]}</span>
      {!m.finished && <span class="quiet">{t("playing", { n: m.boards.length - m.results, all: m.boards.length })}</span>}
    </h2>
  );
}

const chipNames: Record<Chip, Name> = {
  all: "all",
  playing: "chipPlaying",
  trouble: "chipTrouble",
  finished: "chipFinished",
  followed: "chipFollowed",
};
const orderNames: Record<Order, Name> = { board: "byBoard", move: "byMove", clock: "byClock", rating: "byRating" };

/** What chooses the boards. A round of a few boards needs none of it. */
function Toolbar(p: Props & { size: Size; followed: ReadonlySet<string>; options: boolean; onOptions: () => void }) {
  if (p.boards.size < 5) return null;
  const boards = [...p.boards.values()];
  const { teams, federations } = groups(boards);
  const count: Record<Chip, number> = {
    all: boards.length,
    playing: boards.filter((b) => b.result === "*").length,
    trouble: boards.filter((b) => isShort(b, p.now)).length,
    finished: boards.filter((b) => b.result !== "*").length,
    followed: choose(boards, { ...everything, chip: "followed" }, p.followed, p.now).length,
  };
  return (
    <div class={p.options ? "toolbar open" : "toolbar"} role="search">
      <label class="find">
        <Icon name="search" />
        <span class="hidden">{t("searchKey")}</span>
        <input
          type="search"
          placeholder={t("search")}
          title={t("searchKey")}
          value={p.query}
          onInput={(e) => p.onChoose({ query: e.currentTarget.value })}
          onKeyDown={(e) => {
            if (e.key !== "Escape") return;
            p.onChoose({ query: "" });
            e.currentTarget.blur();
          }}
        />
      </label>
      <button type="button" class="options" aria-expanded={p.options} aria-label={t("options")} title={t("options")} onClick={p.onOptions}>
        <Icon name="options" />
      </button>
      <div class="chips" role="group" aria-label={t("show")}>
        {chips
          .filter((c) => c === "all" || c === p.settings.chip || count[c] > 0)
          .map((c) => (
            <button key={c} type="button" data-chip={c} aria-pressed={p.settings.chip === c} onClick={() => p.onSet({ chip: c })}>
              {t(chipNames[c])} <span class="count">{count[c]}</span>
            </button>
          ))}
      </div>
      <div class="selects">
        {teams.length > 1 && (
          <Select label={t("team")} every={t("everyTeam")} list={teams} value={p.team} onChange={(team) => p.onChoose({ team })} />
        )}
        {federations.length > 1 && (
          <Select
            label={t("federation")}
            every={t("everyFederation")}
            list={federations}
            value={p.federation}
            onChange={(federation) => p.onChoose({ federation })}
          />
        )}
        <label>
          <span class="hidden">{t("order")}</span>
          <select data-order value={p.settings.order} onChange={(e) => p.onSet({ order: orders[e.currentTarget.selectedIndex] })}>
            {orders.map((o) => (
              <option key={o} value={o}>
                {t(orderNames[o])}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="sizes" role="group" aria-label={t("size")}>
        <button
          type="button"
          class="spot"
          aria-pressed={p.settings.spotlight ?? p.size === "list"}
          aria-label={t("spotlight")}
          title={t("spotlight")}
          onClick={() => p.onSet({ spotlight: !(p.settings.spotlight ?? p.size === "list") })}
        >
          <Icon name="spotlight" />
        </button>
        {sizes.map((s) => (
          <button key={s} type="button" data-size={s} aria-pressed={p.size === s} aria-label={t(s)} title={t(s)} onClick={() => p.onSet({ size: s })}>
            <Icon name={s} />
          </button>
        ))}
      </div>
    </div>
  );
}

interface SelectProps {
  readonly label: string;
  readonly every: string;
  readonly list: readonly string[];
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Select({ label, every, list, value, onChange }: SelectProps) {
  return (
    <label>
      <span class="hidden">{label}</span>
      <select value={value} onChange={(e) => onChange(e.currentTarget.value)}>
        <option value="">{every}</option>
        {list.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
