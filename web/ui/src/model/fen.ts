export type Side = "white" | "black";

/** A piece as the sprite names it: wk, bp. */
export type Piece = string;

export interface Placed {
  readonly square: string;
  readonly piece: Piece;
}

/** The side to move. */
export function turn(fen: string): Side {
  return fen.split(" ")[1] === "b" ? "black" : "white";
}

/** The pieces of a position, from a8 to h1. */
export function pieces(fen: string): Placed[] {
  const out: Placed[] = [];
  const ranks = (fen.split(" ")[0] ?? "").split("/");
  ranks.forEach((rank, i) => {
    let file = 0;
    for (const c of rank) {
      if (c >= "1" && c <= "8") {
        file += Number(c);
        continue;
      }
      const lower = c.toLowerCase();
      out.push({ square: "abcdefgh".charAt(file) + (8 - i), piece: (c === lower ? "b" : "w") + lower });
      file++;
    }
  });
  return out;
}

/** Column and row of a square, from the upper left as White sees the board. */
export function place(square: string): { x: number; y: number } {
  return { x: square.charCodeAt(0) - 97, y: 56 - square.charCodeAt(1) };
}

/**
 * The two squares of a move in UCI; none if the move has no squares, such as the null move 0000.
 */
export function squares(uci: string | undefined): string[] {
  const m = /^([a-h][1-8])([a-h][1-8])/.exec(uci ?? "");
  return m ? [m[1]!, m[2]!] : [];
}

/** The square of the king that the move gave check to, if it did. */
export function checked(fen: string, san: string | undefined): string | undefined {
  if (san === undefined || !/[+#]/.test(san)) return undefined;
  const king = turn(fen) === "white" ? "wk" : "bk";
  return pieces(fen).find((p) => p.piece === king)?.square;
}

/**
 * The number of the move that a ply belongs to, in a game from `startFen`: ply 1 is White's move 1.
 */
export function numbering(startFen: string, ply: number): { move: number; side: Side } {
  const parts = startFen.split(" ");
  const first = Number(parts[5] ?? 1) || 1;
  const halves = ply - 1 + (parts[1] === "b" ? 1 : 0);
  return { move: first + Math.floor(halves / 2), side: halves % 2 === 0 ? "white" : "black" };
}

/**
 * The number of the move that led to this position, as on a score sheet: "12." for White, "12…" for
 * Black.
 */
export function moveNumber(fen: string): string {
  const next = Number(fen.split(" ")[5] ?? 1) || 1;
  return turn(fen) === "black" ? `${next}.` : `${next - 1}…`;
}
