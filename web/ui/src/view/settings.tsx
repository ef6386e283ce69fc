import { squareColours, type Settings } from "../model/settings.ts";
import { t, type Name } from "../text/text.ts";
import { Dialog } from "./dialog.tsx";

interface Props {
  readonly settings: Settings;
  readonly onSet: (settings: Partial<Settings>) => void;
  readonly onClose: () => void;
}

const switches = ["hideResults", "figurines", "sound"] as const;
const colourNames: Record<Settings["squares"], Name> = { green: "green", brown: "brown", blue: "blue", grey: "grey" };

/** The keys of all pages, each with what it does. */
const keys: readonly (readonly [string, Name])[] = [
  ["← →", "keySteps"],
  ["Home End", "keyEnds"],
  ["↑ ↓", "keyBoards"],
  ["f", "keyFlip"],
  ["/", "searchKey"],
  ["h", "hideResults"],
  ["?", "keyHelp"],
];

/** What the viewer prefers, and the keys. */
export function SettingsDialog({ settings, onSet, onClose }: Props) {
  return (
    <Dialog title={t("settings")} onClose={onClose}>
      {switches.map((name) => (
        <label key={name} class="switch">
          <input type="checkbox" name={name} checked={settings[name]} onChange={(e) => onSet({ [name]: e.currentTarget.checked })} />
          {t(name)}
        </label>
      ))}
      <fieldset class="colours">
        <legend>{t("squares")}</legend>
        {squareColours.map((c) => (
          <label key={c} data-squares={c}>
            <input type="radio" name="squares" value={c} checked={settings.squares === c} onChange={() => onSet({ squares: c })} />
            <span class="sample" aria-hidden="true" />
            {t(colourNames[c])}
          </label>
        ))}
      </fieldset>
      <h3>{t("keys")}</h3>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split(" ").map((k) => (
                <kbd key={k}>{k}</kbd>
              ))}
            </dt>
            <dd>{t(what)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
