const names: Record<string, string> = { K: "king", Q: "queen", R: "rook", B: "bishop", N: "knight", P: "pawn" };

/** The name of a piece of the sprite (wk), for a person. */
export function pieceName(piece: string): string {
  return `${piece.startsWith("w") ? "white" : "black"} ${names[piece.charAt(1).toUpperCase()] ?? "piece"}`;
}

/** A move in SAN as a person would say it: "Nbxd7+" is "knight b takes d7, check". */
export function speak(san: string): string {
  const end = san.includes("#") ? ", checkmate" : san.includes("+") ? ", check" : "";
  const bare = san.replace(/[+#?!]+/g, "");
  if (/^[O0]-[O0]-[O0]$/.test(bare)) return `castles queenside${end}`;
  if (/^[O0]-[O0]$/.test(bare)) return `castles kingside${end}`;
  const m = /^([KQRBN]?)([a-h]?[1-8]?)(x?)([a-h][1-8])(?:=?([QRBN]))?$/.exec(bare);
  if (!m) return san;
  const [, piece, from, takes, to, promoted] = m;
  const words = [piece ? names[piece] : "", from, takes ? "takes" : "", to].filter(Boolean).join(" ");
  return words + (promoted ? `, becomes a ${names[promoted]}` : "") + end;
}

/** A move as a person would say it, with the word illegal if it is. */
export function speakMove({ san, illegal }: { readonly san: string; readonly illegal?: boolean }): string {
  return illegal ? `${speak(san)}, an illegal move` : speak(san);
}

/** A result as it is written: "1-0", "½-½" or "1-0 by forfeit". */
export function writeResult({ result, forfeit }: { readonly result: string; readonly forfeit?: boolean }): string {
  const text = result.replaceAll("1/2", "½");
  return forfeit ? `${text} by forfeit` : text;
}

/** A result as a person would say it. */
export function speakResult({ result, forfeit }: { readonly result: string; readonly forfeit?: boolean }): string {
  return forfeit ? `${name(result)}, by forfeit` : name(result);
}

function name(result: string): string {
  switch (result) {
    case "1-0":
      return "White wins";
    case "0-1":
      return "Black wins";
    case "1/2-1/2":
      return "Draw";
    case "0-0":
      return "Both lose";
    case "1/2-0":
      return "Half a point for White, none for Black";
    case "0-1/2":
      return "Half a point for Black, none for White";
    default:
      return "In progress";
  }
}
