import type { Player } from "./wire.ts";

/** A name in two parts. A name without a comma is not split: which part is the family's is unknown. */
export function nameParts(name: string): { readonly family: string; readonly given: string } {
  const comma = name.indexOf(",");
  if (comma < 0) return { family: name.trim(), given: "" };
  return { family: name.slice(0, comma).trim(), given: name.slice(comma + 1).trim() };
}

/** Names the person in all rounds: by the FIDE id, otherwise by the name in any spelling of case. */
export function personKey({ fideId, name }: Player): string {
  return fideId ? `fide ${fideId}` : name.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
}

/**
 * FIDE's codes of federations whose flag has another code (ISO 3166): "GERDE" is GER and DE. A code
 * that is not here has no flag.
 */
const codes =
  "AFGAF AHOCW ALBAL ALGDZ ANDAD ANGAO ANTAG ARGAR ARMAM ARUAW AUSAU AUTAT AZEAZ BAHBS BANBD BARBB BDIBI BELBE BENBJ BERBM BHUBT BIHBA BIZBZ BLRBY " +
  "BOLBO BOTBW BRABR BRNBH BRUBN BULBG BURBF CAFCF CAMKH CANCA CAYKY CHATD CHICL CHNCN CIVCI CMRCM CODCD COLCO COMKM CPVCV CRCCR CROHR CUBCU CYPCY CZECZ " +
  "DENDK DJIDJ DMADM DOMDO ECUEC EGYEG ERIER ESASV ESPES ESTEE ETHET FAIFO FIJFJ FINFI FRAFR GABGA GAMGM GCIGG GEOGE GEQGQ GERDE GHAGH GREGR GRLGL GRNGD GUAGT " +
  "GUMGU GUYGY HAIHT HKGHK HONHN HUNHU INAID INDIN IOMIM IRIIR IRLIE IRQIQ ISLIS ISRIL ISVVI ITAIT IVBVG JAMJM JCIJE JORJO JPNJP KAZKZ KENKE KGZKG KIRKI KORKR " +
  "KOSXK KSASA KUWKW LAOLA LATLV LBALY LBNLB LBRLR LCALC LESLS LIELI LTULT LUXLU MACMO MADMG MARMA MASMY MAWMW MDAMD MDVMV MEXMX MGLMN MKDMK MLIML MLTMT MNCMC " +
  "MNEME MOZMZ MRIMU MTNMR MYAMM NAMNA NCANI NCLNC NEDNL NEPNP NGRNG NIGNE NORNO NRUNR NZLNZ OMAOM PAKPK PANPA PARPY PERPE PHIPH PLEPS PLWPW PNGPG POLPL PORPT " +
  "PURPR QATQA ROURO RSAZA RUSRU RWARW SENSN SEYSC SGPSG SKNKN SLESL SLOSI SMRSM SOLSB SOMSO SRBRS SRISR SSDSS STPST SUDSD SUICH SURSR SVKSK SWESE SWZSZ " +
  "SYRSY TANTZ THATH TJKTJ TKMTM TLSTL TOGTG TPETW TTOTT TUNTN TURTR UAEAE UGAUG UKRUA URUUY USAUS UZBUZ VANVU VENVE VIEVN VINVC YEMYE ZAMZM ZIMZW";

let flags: Map<string, string> | undefined;

const subdivisions: Readonly<Record<string, string>> = { ENG: "gbeng", SCO: "gbsct", WLS: "gbwls" };

/** The flag of a federation, as an emoji; empty if it has none. */
export function flag(federation: string | undefined): string {
  if (!federation) return "";
  const code = federation.toUpperCase();
  const part = subdivisions[code];
  if (part) return `\u{1f3f4}${[...part].map((c) => String.fromCodePoint(0xe0000 + c.charCodeAt(0))).join("")}\u{e007f}`;
  flags ??= new Map(codes.split(" ").map((c) => [c.slice(0, 3), c.slice(3)]));
  const iso = flags.get(code);
  return iso ? [...iso].map((c) => String.fromCodePoint(0x1f1e6 + c.charCodeAt(0) - 65)).join("") : "";
}
