import { Chessboard } from "cm-chessboard/src/Chessboard.js";
import { EXTENSION_POINT, Extension } from "cm-chessboard/src/model/Extension.js";
import { Component, createRef } from "preact";
import type { Side } from "../model/fen.ts";
import { spriteUrl } from "./sprite.ts";

export interface BigBoardProps {
  readonly fen: string;
  readonly ply: number;
  readonly marks: readonly string[];
  readonly check?: string;
  readonly bottom: Side;
}

const slide = 180; // ms; short enough to be over before the next move of a blitz game

/** Marks squares of a cm-chessboard by classes on their rectangles, for the stylesheet. */
class Marks extends Extension {
  #marks: readonly string[] = [];
  #check: string | undefined;

  constructor(chessboard: Chessboard) {
    super(chessboard);
    this.registerExtensionPoint(EXTENSION_POINT.afterRedrawBoard, () => this.#draw());
  }

  set(marks: readonly string[], check: string | undefined): void {
    this.#marks = marks;
    this.#check = check;
    this.#draw();
  }

  #draw(): void {
    const squares = (this.chessboard as unknown as { context: HTMLElement }).context.querySelectorAll("rect[data-square]");
    for (const rect of squares) {
      const name = rect.getAttribute("data-square")!;
      rect.classList.toggle("last", this.#marks.includes(name));
      rect.classList.toggle("check", name === this.#check);
    }
  }
}

/**
 * The board on which pieces slide. Its element has data-fen and data-ply, set once the pieces have
 * arrived: the drawing and these attributes always agree.
 *
 * At most one change is under way. Of the changes that are requested meanwhile, only the last
 * follows: a board that is behind jumps to its position.
 */
export class BigBoard extends Component<BigBoardProps> {
  readonly #element = createRef<HTMLDivElement>();
  #board: Chessboard | undefined;
  #want: BigBoardProps | undefined;
  #bottom: Side = "white";
  #busy = false;

  override componentDidMount(): void {
    const { fen, ply, marks, check, bottom } = this.props;
    const element = this.#element.current!;
    this.#bottom = bottom;
    this.#board = new Chessboard(element, {
      position: fen,
      orientation: bottom.charAt(0),
      style: { cssClass: "relay", borderType: "none", pieces: { file: spriteUrl, tileSize: 40 }, animationDuration: slide },
      extensions: [{ class: Marks }],
    });
    // The table beside it has the position for screen readers.
    element.querySelector("svg")?.setAttribute("aria-hidden", "true");
    this.#board.getExtension(Marks).set(marks, check);
    this.#arrived(fen, ply);
  }

  override shouldComponentUpdate(next: BigBoardProps): boolean {
    const now = this.#want ?? this.props;
    if (
      next.fen === now.fen &&
      next.ply === now.ply &&
      next.bottom === now.bottom &&
      next.check === now.check &&
      String(next.marks) === String(now.marks)
    )
      return false;
    this.#want = next;
    void this.#settle();
    return false; // from here on the element belongs to cm-chessboard
  }

  override componentWillUnmount(): void {
    this.#board?.destroy();
    this.#board = undefined;
  }

  async #settle(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    let late = false;
    for (let want = this.#want; want && this.#board; want = this.#want === want ? undefined : this.#want) {
      const board = this.#board;
      if (want.bottom !== this.#bottom) {
        this.#bottom = want.bottom;
        await board.setOrientation(want.bottom === "white" ? "w" : "b", false);
      }
      if (!this.#board) return;
      board.getExtension(Marks).set(want.marks, want.check);
      await board.setPosition(want.fen, !late && !calm());
      if (!this.#board) return;
      this.#arrived(want.fen, want.ply);
      late = true;
    }
    this.#busy = false;
  }

  #arrived(fen: string, ply: number): void {
    const { dataset } = this.#element.current!;
    dataset.fen = fen;
    dataset.ply = String(ply);
  }

  override render() {
    return <div class="board" ref={this.#element} />;
  }
}

function calm(): boolean {
  return document.hidden || matchMedia("(prefers-reduced-motion: reduce)").matches;
}
