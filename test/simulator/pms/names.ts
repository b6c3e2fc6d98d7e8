/** A film as libraries really have them: any name, any summary, any file. */
export interface NamedFilm {
  readonly title: string
  readonly summary: string
  readonly file: string
  /** What the server calls the file's bytes; '' where it says nothing. */
  readonly type?: string
  /** Whether a Content-Disposition has the name in ISO-8859-1, and not in UTF-8. */
  readonly latin1?: true
}

export const NAMES_SECTION = '3'
/** The first item and the first part of the section; the others follow. */
export const NAMES_FIRST_ITEM = 4001
export const NAMES_FIRST_PART = 240_001
export const NAMED_PART_BYTES = 70_000

const MARKS = '\\ / : * ? " < > | # % & ; + = @ ! $ \' ( ) [ ] { } ~ ^ `'

export const NAMED_FILMS: readonly NamedFilm[] = [
  { title: '千と千尋の神隠し', summary: '十歳の少女・千尋は…', file: '千と千尋の神隠し (2001).mkv' },
  {
    title: "Le Fabuleux Destin d'Amélie Poulain",
    summary: 'Amélie, une jeune serveuse.',
    file: 'Amélie.mkv'
  },
  { title: 'Das Leben der Anderen', summary: 'Überwachung.', file: 'Übermut.mkv', latin1: true },
  { title: 'Token', summary: "One last token: 'tis the season.", file: 'Token.mkv' },
  {
    title: 'The Token Bearer',
    summary: 'authToken="abc" and {"token":"ring"}, token=ring; <token>ring</token>',
    file: 'token=abc.mkv'
  },
  {
    title: '"Quoted" & <tagged>',
    summary: 'He said: "token":\n\t"second line"\r\nthird, \\"token\\": \\"a\\"',
    file: `"quoted" 'names'.mkv`
  },
  { title: '#23? 100%; a+b=c', summary: MARKS, file: '#23? 100%; a+b=c.mkv' },
  { title: '%2e%20%2Bup', summary: 'A name that looks encoded: %41%zz', file: '100%zz %.mkv' },
  { title: 'עברית', summary: 'مرحبا بالعالم \u202b\u200f', file: 'שלום.mkv' },
  { title: '🎬🍿', summary: 'Emoji 👩‍👩‍👧‍👦, and \u{10ffff} at the end', file: '🎬🍿.mkv' },
  { title: 'Cafe\u0301', summary: 'A letter and its accent, in two characters.', file: 'Cafe\u0301.mkv' },
  { title: 'Line\u2028separator', summary: 'No control in XML: \u00a0\ufeff', file: 'non\u00a0breaking.mkv' },
  { title: 'A'.repeat(300), summary: 'x '.repeat(5000), file: `${'long '.repeat(40)}.mkv` },
  { title: 'X-Plex-Token', summary: 'tokens, TOKEN, token: "', file: 'X-Plex-Token.mkv' },
  { title: 'Untyped', summary: '', file: 'notes.nfo', type: '' },
  { title: 'Subtitles beside it', summary: '', file: 'a.srt', type: 'application/x-subrip' }
]

const VTT = `WEBVTT

1
00:00:01.000 --> 00:00:04.000
<v Token>One last token: 'tis the season.</v>

2
00:00:05.000 --> 00:00:08.000 align:start
"token":"ring", token="ring", <i>千と千尋</i>

3
00:00:09.000 --> 00:00:12.000
The end.
`

/** By the id of a stream: its type, and the text that must arrive as it is. */
export const NAMED_STREAMS: ReadonlyMap<string, readonly [type: string, text: string]> = new Map([
  ['990001', ['text/vtt; charset=utf-8', VTT]],
  [
    '990002',
    [
      'application/x-subrip',
      '1\r\n00:00:01,000 --> 00:00:04,000\r\n<font color="token">Token: {\\an8}one</font>\r\n\r\n'
    ]
  ],
  [
    '990003',
    [
      'text/x-ssa',
      '[Script Info]\nTitle: token\n\n[Events]\nDialogue: 0,0:00:01.00,0:00:04.00,Token,,0,0,0,,{\\b1}"token": "ring"\n'
    ]
  ],
  ['990004', ['', `[00:01.00]token=ring\n${VTT}`]],
  [
    '990005',
    [
      'application/ttml+xml',
      '<tt xml:lang="en"><body><p begin="1s" end="4s">One last token="ring": \'tis &lt;token&gt;</p></body></tt>'
    ]
  ]
])
