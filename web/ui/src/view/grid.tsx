import { pieces } from "../model/fen.ts";
import { pieceName } from "../model/speak.ts";
import { Pure } from "./pure.ts";

const files = [..."abcdefgh"];
const ranks = [..."87654321"];

/** The position as a table, for screen readers. */
export class Grid extends Pure<{ readonly fen: string }> {
  override render({ fen }: { fen: string }) {
    const on = new Map(pieces(fen).map((p) => [p.square, p.piece]));
    return (
      <div class="hidden">
        <table>
          <caption>The position, from White’s side</caption>
          <thead>
            <tr>
              <td />
              {files.map((f) => (
                <th key={f} scope="col">
                  {f}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ranks.map((r) => (
              <tr key={r}>
                <th scope="row">{r}</th>
                {files.map((f) => {
                  const piece = on.get(f + r);
                  return <td key={f}>{piece ? pieceName(piece) : "–"}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    );
  }
}
