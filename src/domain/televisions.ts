const TELEVISION =
  /\b(?:SMART-TV|SmartTV|AppleTV|GoogleTV|HbbTV|BRAVIA|(?<=; )AFT[A-Z\d]+|CrKey|Roku|Web0S|webOS|NetCast|VIDAA|NetTV|Viera)\b/
/** What follows the last mention of a system that telephones have too. Looked at once: a field may have thousands. */
const TIZEN = /^.*\bTizen\b(.*)/
const MOBILE = /\bMobile\b/

/** Whether a User-Agent field is a television's: set-top boxes and sticks too, which parsers take for phones. */
export function isTelevision(userAgent: string): boolean {
  if (TELEVISION.test(userAgent)) return true
  const behind = TIZEN.exec(userAgent)?.[1]
  return behind !== undefined && !MOBILE.test(behind)
}
