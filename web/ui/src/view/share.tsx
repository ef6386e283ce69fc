import { Component, createRef } from "preact";
import { t } from "../text/text.ts";
import { Dialog } from "./dialog.tsx";

interface Props {
  readonly link: string;
  readonly fen: string;
  readonly pgn: string;
  /** What shows the board on another site. */
  readonly embed: string;
  readonly onClose: () => void;
}

/** What a viewer may want to take along: the address of this position, its FEN, the game as PGN. */
export function ShareDialog({ link, fen, pgn, embed, onClose }: Props) {
  return (
    <Dialog title={t("share")} onClose={onClose}>
      <Line name={t("link")} value={link} />
      <Line name="FEN" value={fen} />
      <Line name={t("embed")} value={embed} />
      <p>
        <a class="button" href={pgn} download>
          {t("downloadPgn")}
        </a>
      </p>
    </Dialog>
  );
}

class Line extends Component<{ readonly name: string; readonly value: string }, { readonly done: boolean }> {
  override state = { done: false };
  readonly #field = createRef<HTMLInputElement>();

  override render({ name, value }: { name: string; value: string }, { done }: { done: boolean }) {
    return (
      <div class="share-line">
        <label>
          <span>{name}</span>
          <input ref={this.#field} readOnly value={value} onFocus={(e) => e.currentTarget.select()} />
        </label>
        <button
          type="button"
          class="button"
          onClick={() => {
            this.#field.current?.select();
            // Without https a page may not use the clipboard, but the selected text can be copied by key.
            navigator.clipboard?.writeText(value).then(
              () => this.setState({ done: true }),
              () => undefined,
            );
          }}
        >
          {t(done ? "copied" : "copy")}
        </button>
      </div>
    );
  }
}
