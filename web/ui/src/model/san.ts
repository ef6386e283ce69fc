const figures: Readonly<Record<string, string>> = { K: "♔", Q: "♕", R: "♖", B: "♗", N: "♘" };

/** A move in SAN, with figures in place of the English letters if wanted. */
export function written(san: string, figurines: boolean): string {
  return figurines ? san.replace(/[KQRBN]/g, (letter) => figures[letter]!) : san;
}
