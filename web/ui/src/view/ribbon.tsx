import type { Board } from "../model/wire.ts";
import { t } from "../text/text.ts";

/** What is to be said of a board besides its position, in a few words; undefined: nothing. */
export function ribbonOf(b: Board, hideResults: boolean): { readonly kind: string; readonly text: string } | undefined {
  if (b.lastMove?.illegal) return { kind: "illegal", text: t("illegal", { move: b.lastMove.san }) };
  if (b.warning) return { kind: "warning", text: t("warning") };
  if (b.result === "*") return undefined;
  if (hideResults) return { kind: "over", text: t("resultHidden") };
  if (b.forfeit) return { kind: "forfeit", text: t("forfeit") };
  if (b.lastMove?.san.endsWith("#")) return { kind: "mate", text: t("mate") };
  if (fell(b)) return { kind: "flag", text: t("flagFell") };
  return undefined;
}

/** Whether the loser's clock stood at zero. */
function fell({ result, clock }: Board): boolean {
  return (result === "1-0" && clock.black === 0) || (result === "0-1" && clock.white === 0);
}
