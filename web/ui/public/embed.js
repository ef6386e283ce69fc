// Boards of a chessrelay broadcast on any site, by one tag:
//
//   <script src="https://NODE/embed.js" async></script>
//   <chessrelay-round round="ID"></chessrelay-round>
//   <chessrelay-board round="ID" board="1" squares="brown"></chessrelay-board>
//
// Each element is a frame with the node's own page, so it shares nothing with the site around it.
// `src` names another node; without it the one that served this script is used.
(() => {
  const here = new URL(document.currentScript.src).origin;
  const looks = ["squares", "results"];

  class Frame extends HTMLElement {
    static observedAttributes = ["src", "round", "board", ...looks];
    #frame = document.createElement("iframe");

    connectedCallback() {
      this.#frame.style.cssText = "display:block;width:100%;height:100%;border:0";
      this.#frame.loading = "lazy";
      this.#frame.title = "Chess, live";
      this.style.display ||= "block";
      this.style.width ||= "100%";
      if (!this.style.aspectRatio && !this.style.height) this.style.aspectRatio = this.ratio;
      this.append(this.#frame);
      this.#show();
    }

    attributeChangedCallback() {
      if (this.isConnected) this.#show();
    }

    #show() {
      const round = this.getAttribute("round") ?? "";
      const base = (this.getAttribute("src") ?? here).replace(/\/$/, "");
      const at = new URL(`${base}/embed/round/${encodeURIComponent(round)}${this.rest()}`);
      for (const name of looks) {
        const value = this.getAttribute(name);
        if (value !== null) at.searchParams.set(name, value);
      }
      if (round !== "" && this.#frame.src !== at.href) this.#frame.src = at.href;
    }
  }

  class Board extends Frame {
    ratio = "4 / 5";
    rest() {
      return `/${encodeURIComponent(this.getAttribute("board") ?? "1")}`;
    }
  }

  class Round extends Frame {
    ratio = "3 / 2";
    rest() {
      return "";
    }
  }

  if (!customElements.get("chessrelay-board")) customElements.define("chessrelay-board", Board);
  if (!customElements.get("chessrelay-round")) customElements.define("chessrelay-round", Round);
})();
