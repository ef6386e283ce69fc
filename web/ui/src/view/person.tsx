import { flag, nameParts } from "../model/names.ts";
import type { Player } from "../model/wire.ts";

/** A player's name, the family name first and in bold; a long name loses its end, never its beginning. */
export function PersonName({ player: p, won }: { player: Player; won?: boolean }) {
  const { family, given } = nameParts(p.name);
  return (
    <span class={won ? "name won" : "name"} title={[p.title, p.name, p.rating].filter(Boolean).join(" ")}>
      {p.title && <abbr class="title">{p.title}</abbr>}
      <b>{family}</b>
      {given && <span class="given">, {given}</span>}
    </span>
  );
}

/** The flag of a federation, or its code if it has no flag. */
export function Flag({ federation }: { federation?: string }) {
  if (!federation) return null;
  const emoji = drawsFlags() ? flag(federation) : "";
  return (
    <span class={emoji ? "flag" : "flag code"} title={federation} role="img" aria-label={federation}>
      {emoji || federation}
    </span>
  );
}

let draws: boolean | undefined;

/** Whether this system has pictures of flags. Others show two letters, or nothing. */
function drawsFlags(): boolean {
  if (draws !== undefined) return draws;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 24;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) return false;
  pen.font = "20px sans-serif";
  pen.fillText("\u{1f1e8}\u{1f1ed}", 0, 20); // Switzerland's is red; letters are black
  const { data } = pen.getImageData(0, 0, 24, 24);
  draws = data.some((value, i) => i % 4 === 0 && value > 150 && data[i + 1]! < 100);
  return draws;
}
