import url from "cm-chessboard/assets/pieces/standard.svg?url";

/** The address of the pieces, for cm-chessboard. */
export const spriteUrl = url;

/**
 * Puts the pieces into the page once; every board refers to them. They have the id that
 * cm-chessboard looks for, so it does not load them again.
 */
export async function loadSprite(): Promise<void> {
  const holder = document.createElement("div");
  holder.id = "cm-chessboard-sprite";
  holder.className = "sprite";
  holder.setAttribute("aria-hidden", "true");
  document.body.append(holder);
  const text = await (await fetch(url)).text();
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  holder.append(document.importNode(svg, true));
}
