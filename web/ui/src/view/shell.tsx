import type { VNode } from "preact";
import licenses from "../../LICENSES.txt?url";
import type { Condition } from "../model/status.ts";
import type { Settings } from "../model/settings.ts";
import { t } from "../text/text.ts";
import { Icon } from "./icon.tsx";
import { SettingsDialog } from "./settings.tsx";

/** The version of the node that served the document; absent if the document came from elsewhere. */
const version = document.querySelector<HTMLMetaElement>('meta[name="version"]')?.content;

interface Props {
  readonly bar?: VNode;
  /** The page is in a frame of another site. */
  readonly embedded: boolean;
  readonly page: VNode;
  readonly condition?: Condition;
  readonly spectators?: number;
  readonly settings: Settings;
  readonly choosing: boolean;
  readonly onSet: (settings: Partial<Settings>) => void;
  readonly onChoose: (open: boolean) => void;
}

/**
 * The frame around every page. Its root has the connection's status in data-status. While the
 * connection is well, a small sign says so; otherwise a strip across the page does.
 */
export function ShellView({ bar, embedded, page, condition, spectators, settings, choosing, onSet, onChoose }: Props) {
  const well = condition?.status === "live";
  return (
    <div class={embedded ? "root embedded" : "root"} data-status={condition?.status}>
      <a class="skip" href="#main">
        {t("skip")}
      </a>
      <header class={bar ? "top with-bar" : "top"}>
        <a class="brand" href="/" aria-label={bar ? "chessrelay" : undefined}>
          <svg viewBox="0 0 18 18" aria-hidden="true">
            <path d="M0 0h6v6H0zm12 0h6v6h-6zM6 6h6v6H6zm-6 6h6v6H0zm12 0h6v6h-6z" />
          </svg>
          {!bar && "chessrelay"}
        </a>
        {bar}
        <button
          type="button"
          class="icon-button choose"
          aria-label={t("settings")}
          title={t("settings")}
          aria-haspopup="dialog"
          onClick={() => onChoose(true)}
        >
          <Icon name="options" />
        </button>
        {condition && (
          <p class={well || condition.first ? "status" : "status strip"}>
            <span class="dot" aria-hidden="true" />
            <span class="condition">{condition.text}</span>
            {!!spectators && well && <span class="spectators">{t("watching", { n: spectators })}</span>}
          </p>
        )}
      </header>
      <main id="main" tabIndex={-1}>
        {page}
      </main>
      {choosing && <SettingsDialog settings={settings} onSet={onSet} onClose={() => onChoose(false)} />}
      <footer class="foot">
        <a href="/cluster">Cluster</a> · Pieces by <a href="https://en.wikipedia.org/wiki/User:Cburnett">Cburnett</a> and{" "}
        <a href="https://en.wikipedia.org/wiki/User:Rfc1394">Rfc1394</a>, adapted by <a href="https://github.com/shaack/cm-chessboard">shaack</a>,{" "}
        <a href="https://creativecommons.org/licenses/by-sa/3.0/">CC BY-SA 3.0</a> · <a href={licenses}>Licences</a>
        {version && <span class="version"> · chessrelay {version}</span>}
      </footer>
    </div>
  );
}
