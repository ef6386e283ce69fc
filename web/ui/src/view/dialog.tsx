import { Component, createRef, type ComponentChildren } from "preact";
import { t } from "../text/text.ts";
import { Icon } from "./icon.tsx";

interface Props {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly onClose: () => void;
}

/** A dialog over the page. It closes by its button, by Escape, and by a click beside it. */
export class Dialog extends Component<Props> {
  readonly #element = createRef<HTMLDialogElement>();

  override componentDidMount(): void {
    this.#element.current!.showModal();
  }

  override render({ title, children, onClose }: Props) {
    return (
      // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes every dialog.
      <dialog
        ref={this.#element}
        class="dialog"
        aria-label={title}
        onClose={onClose}
        onClick={(e) => {
          if (e.target === this.#element.current) onClose();
        }}
      >
        <div class="dialog-body">
          <header>
            <h2>{title}</h2>
            <button type="button" class="icon-button" aria-label={t("close")} onClick={onClose}>
              <Icon name="close" />
            </button>
          </header>
          {children}
        </div>
      </dialog>
    );
  }
}
