const TELEVISION =
  /\b(?:SMART-TV|SmartTV|AppleTV|GoogleTV|HbbTV|BRAVIA|(?<=; )AFT[A-Z\d]+|CrKey|Roku|Web0S|webOS|NetCast|VIDAA|NetTV|Viera)\b|\bTizen\b(?!.*\bMobile\b)/

/** Whether a User-Agent field is a television's: set-top boxes and sticks too, which parsers take for phones. */
export function isTelevision(userAgent: string): boolean {
  return TELEVISION.test(userAgent)
}
