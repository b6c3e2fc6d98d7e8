export type Motif =
  | 'beacon'
  | 'peaks'
  | 'orbit'
  | 'flames'
  | 'umbrella'
  | 'waves'
  | 'trees'
  | 'moon'
  | 'bridge'
  | 'bolt'
  | 'gears'
  | 'snow'
  | 'rails'

export interface Drawing {
  readonly motif: Motif
  readonly palette: readonly [string, string, string, string]
  /** Written below the motif; '' leaves a picture without words. */
  readonly title: string
  /** Varies what episodes share. */
  readonly seed: number
  /** A poster is 2:3, a backdrop 16:9. */
  readonly shape: 'poster' | 'backdrop'
}

const times = (count: number, draw: (place: number) => string): string =>
  Array.from({ length: count }, (_, place) => draw(place)).join('')

// Each draws around the middle of a field of 300 by 300.
const MOTIFS: Readonly<Record<Motif, (light: string, dark: string, seed: number) => string>> = {
  beacon: (light, dark) =>
    `<path d="M150 120 L-260 20 L-260 190Z" fill="${light}" opacity=".35"/><path d="M150 120 L560 60 L560 210Z" fill="${light}" opacity=".2"/><path d="M132 140h36l14 160h-64z" fill="${dark}"/><circle cx="150" cy="122" r="22" fill="${light}"/>`,
  peaks: (light, dark) =>
    `<path d="M-260 300 L40 90 L130 190 L220 60 L560 300V460H-260Z" fill="${dark}"/><path d="M220 60l-34 48 22 -6 14 18 12 -20 24 10z" fill="${light}"/><path d="M40 90l-30 28 22 0 10 14 16 -16z" fill="${light}"/>`,
  orbit: (light, dark) =>
    `<circle cx="150" cy="150" r="58" fill="${light}"/><path d="M92 150a58 58 0 0 0 116 0z" fill="${dark}" opacity=".35"/>${times(3, (n) => `<ellipse cx="150" cy="150" rx="${110 + n * 45}" ry="${26 + n * 14}" fill="none" stroke="${light}" stroke-width="2" opacity="${0.8 - n * 0.22}" transform="rotate(-18 150 150)"/>`)}<circle cx="255" cy="112" r="9" fill="#fff"/>`,
  flames: (light, dark) =>
    `${times(7, (n) => `<path d="M${-60 + n * 70} 300c-20-60 30-70 ${20 - (n % 3) * 8}-${120 + ((n * 53) % 80)}c40 50 50 80 20 ${120 + ((n * 53) % 80)}z" fill="${light}" opacity="${0.35 + (n % 3) * 0.2}"/>`)}<path d="M-260 300q410-50 820 0v160h-820z" fill="${dark}"/>`,
  umbrella: (light, dark) =>
    `<path d="M40 160a110 96 0 0 1 220 0q-28-22-55 0q-27-22-55 0q-28-22-55 0q-27-22-55 0z" fill="${dark}"/><path d="M150 150v110a20 20 0 0 1-40 0" fill="none" stroke="${dark}" stroke-width="8"/>${times(14, (n) => `<path d="M${-180 + n * 50} ${20 + ((n * 37) % 60)}l-8 26" stroke="${light}" stroke-width="3" opacity=".7"/>`)}`,
  waves: (light, dark) =>
    `<path d="M150 60v170" stroke="${light}" stroke-width="6"/>${times(3, (n) => `<path d="M${120 - n * 22} ${40 - n * 10}a${50 + n * 26} ${50 + n * 26} 0 0 0 0 ${60 + n * 20}M${180 + n * 22} ${40 - n * 10}a${50 + n * 26} ${50 + n * 26} 0 0 1 0 ${60 + n * 20}" fill="none" stroke="${light}" stroke-width="4" opacity="${0.9 - n * 0.25}"/>`)}${times(3, (n) => `<path d="M-260 ${220 + n * 34}${times(10, () => 'q41-26 82 0')}v200h-820z" fill="${dark}" opacity="${0.5 + n * 0.2}"/>`)}`,
  trees: (light, dark) =>
    `<path d="M-260 300q410-24 820 0v160h-820z" fill="${dark}"/>${times(9, (n) => {
      const [x, r] = [-210 + n * 90, 38 + ((n * 29) % 24)]
      return `<path d="M${x - 4} 300v-120h8v120z" fill="${dark}"/><circle cx="${x}" cy="${170 - (n % 2) * 20}" r="${r}" fill="${dark}" opacity=".85"/><circle cx="${x - 12}" cy="${160 - (n % 2) * 20}" r="7" fill="${light}"/><circle cx="${x + 14}" cy="${182 - (n % 2) * 20}" r="6" fill="${light}"/>`
    })}`,
  moon: (light, dark) =>
    `<circle cx="190" cy="100" r="52" fill="${light}"/>${times(22, (n) => `<circle cx="${-240 + ((n * 137) % 800)}" cy="${(n * 61) % 200}" r="${1 + (n % 3)}" fill="${light}" opacity=".7"/>`)}<path d="M100 300V190h100v110zM90 190l60-36 60 36zM148 154V96h4v58zM126 104h48v4h-48z" fill="${dark}"/><path d="M140 220h20v24h-20z" fill="${light}"/>`,
  bridge: (light, dark) =>
    `<circle cx="150" cy="150" r="66" fill="${light}"/><path d="M-260 232h820v14h-820z" fill="${dark}"/>${times(3, (n) => `<path d="M${-140 + n * 220} 246a90 90 0 0 1 180 0v54h40V236h-260v64h40z" fill="${dark}"/><path d="M${-150 + n * 220} 232q100-120 200 0" fill="none" stroke="${dark}" stroke-width="5"/>`)}`,
  bolt: (light, dark) =>
    `<path d="M176 20l-84 140h52l-32 120 104-156h-58z" fill="${light}"/>${times(5, (n) => `<ellipse cx="${-160 + n * 150}" cy="${20 + (n % 2) * 24}" rx="110" ry="40" fill="${dark}" opacity=".75"/>`)}`,
  gears: (light, dark) =>
    [
      [150, 150, 70],
      [262, 92, 44],
      [52, 240, 50]
    ]
      .map(
        ([x = 0, y = 0, r = 0], n) =>
          `<circle cx="${x}" cy="${y}" r="${r}" fill="none" stroke="${n === 0 ? light : dark}" stroke-width="20"/><circle cx="${x}" cy="${y}" r="${r + 15}" fill="none" stroke="${n === 0 ? light : dark}" stroke-width="14" stroke-dasharray="16 14"/><circle cx="${x}" cy="${y}" r="12" fill="${light}"/>`
      )
      .join(''),
  snow: (light, dark) =>
    `<path d="M-260 220q200-70 410-20t410-10v270h-820z" fill="${light}"/><path d="M120 300q30-60 10-90q40 30 60 90z" fill="${dark}" opacity=".25"/>${times(26, (n) => `<circle cx="${-250 + ((n * 149) % 800)}" cy="${(n * 67) % 230}" r="${2 + (n % 4)}" fill="${light}" opacity=".85"/>`)}<path d="M60 240l18-60 18 60zM226 236l14-48 14 48z" fill="${dark}"/>`,
  rails: (light, dark, seed) =>
    `<circle cx="${110 + ((seed * 47) % 100)}" cy="${84 + ((seed * 31) % 40)}" r="34" fill="${light}"/><path d="M-260 190h820v270h-820z" fill="${dark}"/><path d="M146 190L40 460h24l88-270zM154 190l106 270h-24l-88-270z" fill="${light}" opacity=".8"/>${times(6, (n) => `<path d="M${142 - n * 16} ${204 + n * n * 9}h${16 + n * 32}v${3 + n * 1.6}h-${16 + n * 32}z" fill="${light}" opacity=".5"/>`)}`
}

/** A poster or backdrop as SVG. */
export function drawSvg(
  { motif, palette, title, seed, shape }: Drawing,
  width: number,
  height: number
): string {
  const [sky, haze, light, dark] = palette
  const [wide, high] = shape === 'poster' ? [300, 450] : [800, 450]
  const left = (wide - 300) / 2
  const lines = title === '' ? [] : toLines(title)
  const words = lines.map((line, place) => {
    const y = high - 44 - (lines.length - 1 - place) * 36
    return `<text x="24" y="${y}" font-family="Georgia,'Noto Serif CJK JP',serif" font-size="32" font-weight="700" fill="#fff">${escapeText(line)}</text>`
  })
  const shade =
    lines.length === 0
      ? ''
      : `<rect width="${wide}" height="${high}" fill="url(#shade)"/>${words.join('')}<rect x="24" y="${high - 26}" width="48" height="4" fill="${light}"/>`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${wide} ${high}" preserveAspectRatio="xMidYMid slice"><defs><linearGradient id="sky" x2="0" y2="1"><stop stop-color="${sky}"/><stop offset=".75" stop-color="${haze}"/></linearGradient><linearGradient id="shade" x2="0" y2="1"><stop offset=".5" stop-color="${dark}" stop-opacity="0"/><stop offset=".92" stop-color="${dark}"/></linearGradient></defs><rect width="${wide}" height="${high}" fill="url(#sky)"/><g transform="translate(${left} ${shape === 'poster' ? 24 : 90})">${MOTIFS[motif](light, dark, seed)}</g>${shade}</svg>`
}

const LINE_LENGTH = 14

function toLines(title: string): string[] {
  const lines: string[] = []
  for (const word of title.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && `${last} ${word}`.length <= LINE_LENGTH)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
