import type { Other } from "../model/others.ts";
import { speakResult, writeResult } from "../model/speak.ts";
import { Pure } from "./pure.ts";

interface Props {
  readonly id: string;
  readonly board: number;
  readonly list: readonly Other[];
  readonly hideResults: boolean;
}

/**
 * The round's boards as links, with the players and the last move or the result. Screen readers do
 * not announce its changes.
 */
export class Others extends Pure<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    const now = this.props;
    return (
      next.id !== now.id ||
      next.hideResults !== now.hideResults ||
      next.board !== now.board ||
      next.list.length !== now.list.length ||
      next.list.some((o, i) => !same(o, now.list[i]!))
    );
  }

  override render({ id, board, list: all, hideResults }: Props) {
    const list = hideResults ? all.map((o) => (o.result === "*" ? o : { ...o, result: "*" as const, san: "" })) : all;
    if (list.length < 2) return null;
    return (
      <nav class="others" aria-label="The boards of the round">
        <ol>
          {list.map((o) => (
            <li key={o.board} data-board={o.board} data-san={o.san} data-result={o.result}>
              <a href={`/round/${id}/${o.board}`} aria-current={o.board === board ? "page" : undefined}>
                <span class="number">
                  <span class="hidden">Board </span>
                  {o.board}
                </span>
                <span class="names">
                  <Name of={o.white.name} won={o.result === "1-0"} />
                  <span class="hidden"> – </span>
                  <Name of={o.black.name} won={o.result === "0-1"} />
                </span>
                <span class="hidden">, {o.result !== "*" ? `${speakResult(o)} ` : o.san ? "last move " : "not begun"}</span>
                <span class={o.result === "*" ? "state" : "state over"}>{o.result === "*" ? o.san : writeResult(o)}</span>
              </a>
            </li>
          ))}
        </ol>
      </nav>
    );
  }
}

function same(a: Other, b: Other): boolean {
  return (
    a.board === b.board &&
    a.white.name === b.white.name &&
    a.black.name === b.black.name &&
    a.san === b.san &&
    a.result === b.result &&
    a.forfeit === b.forfeit
  );
}

/**
 * "Carlsen" of "Carlsen, Magnus", and all of it for screen readers; a name without a comma stays
 * whole.
 */
function Name({ of: name, won }: { of: string; won: boolean }) {
  const surname = name.split(",", 1)[0]!;
  const rest = name.slice(surname.length);
  return (
    <span class={won ? "won" : ""}>
      {surname}
      {rest && <span class="hidden">{rest}</span>}
    </span>
  );
}
