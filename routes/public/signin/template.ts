import type { TextKey } from './client/texts.ts'
import { type Html, html } from './html.ts'
import { ICONS, icon, MARK } from './icons.ts'
import type { Language } from './language.ts'
import { firstPanel, type PageModel } from './model.ts'
import {
  choosePanel,
  codePanel,
  passwordPanel,
  refusedPanel,
  verificationPanel,
  windowPanel
} from './panels-sign-in.ts'
import {
  accountPanel,
  closedPanel,
  everywherePanel,
  pinDialog,
  profilesPanel,
  serversPanel
} from './panels-signed-in.ts'
import { timeElement } from './time-element.ts'

/** What the scripts of the page need: their files, and the keys of the texts that they show. */
export interface PageScripts {
  readonly scripts: readonly string[]
  readonly textKeys: readonly TextKey[]
}

function outage({ session, unreachableSince, language }: PageModel): Html {
  const { text, phrase } = language
  const known = unreachableSince !== null
  const what = known
    ? phrase('outage.since', {
        time: timeElement('outage-since', new Date(unreachableSince).toISOString(), language)
      })
    : text('outage.now')
  const hidden = !known && session?.stale !== true
  return html`<div class="notice" id="outage"${hidden && html` hidden`}>${icon('cloud')}<p><b>${what}</b>
    <span id="outage-todo">${text(session === null ? 'outage.signed-out' : 'outage.signed-in')}</span></p></div>`
}

interface Head extends Pick<PageModel, 'assetsPath' | 'brand' | 'language'> {
  readonly television?: boolean
}

/** The head of a page of Usher's own; `more` follows its style sheet. */
export function head({ assetsPath, brand, language, television }: Head, title: string, more: Html): Html {
  return html`<!doctype html>
<html lang="${language.tag}" dir="${language.dir}"${television === true && html` class="television"`}>
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="theme-color" content="#f6f1ea" media="(prefers-color-scheme: light)">
  <meta name="theme-color" content="#141017" media="(prefers-color-scheme: dark)">
  <meta name="robots" content="noindex, nofollow">
  <title>${title} · ${brand.name}</title>
  <link rel="icon" href="${assetsPath}/icon.svg" type="image/svg+xml">
  <link rel="preload" href="${assetsPath}/figtree.woff2" as="font" type="font/woff2" crossorigin>
  <link rel="preload" href="${assetsPath}/instrument-serif.woff2" as="font" type="font/woff2" crossorigin>
  <link rel="stylesheet" href="${assetsPath}/style.css">
  ${more}
</head>`
}

/** The operator's name and logo above every page. */
export function brandHeader(brand: PageModel['brand']): Html {
  return html`<header class="brand">
    ${brand.logoPath === null ? MARK : html`<img class="mark" src="${brand.logoPath}" alt="">`}
    <span>${brand.name}</span>
  </header>`
}

export function footer({ text }: Language): Html {
  return html`<footer><p>${text('footer')}</p></footer>`
}

function title(model: PageModel): string {
  const headings = {
    refused: 'refused.heading',
    account: 'account.heading',
    everywhere: 'everywhere.heading'
  } as const
  const first = firstPanel(model)
  return model.language.text(first in headings ? headings[first as keyof typeof headings] : 'choose.heading')
}

/** The whole document. From the request it contains only the checked `returnTo` and a code from the closed list. */
export function renderPage(model: PageModel, { scripts, textKeys }: PageScripts): string {
  const { assetsPath, basePath, brand, problem, language, television } = model
  // Overrides the header. The form that signs out would say `Origin: null`, which proves nothing without Fetch Metadata.
  const referrer = model.session !== null && html`<meta name="referrer" content="same-origin">`
  const more = html`${referrer}<noscript><link rel="stylesheet" href="${assetsPath}/no-script.css"></noscript>
  ${scripts.map((name) => html`<link rel="modulepreload" href="${assetsPath}/${name}">`)}
  <script type="module" src="${assetsPath}/app.js"></script>
  <script defer src="${assetsPath}/old-browser.js"></script>`
  return html`${head(model, title(model), more)}
<body>
  ${ICONS}
  ${brandHeader(brand)}
  <main id="signin" data-base="${basePath}" data-return-to="${model.returnTo ?? ''}" data-panel-first="${firstPanel(model)}"
    data-fresh="${model.fresh ? 'yes' : 'no'}" data-server-choice="${model.serverChoice ? 'yes' : 'no'}"
    data-television="${television ? 'yes' : 'no'}">
    ${outage(model)}
    <div class="notice problem" id="problem" role="alert">${
      problem === null ? null : html`${icon('alert')}<p><b>${problem.what}</b> ${problem.todo}</p>`
    }</div>
    <div class="notice" id="news" role="status">${
      model.signedOut && html`<p>${language.text('choose.signed-out')}</p>`
    }</div>
    ${choosePanel(model)}${refusedPanel(model)}${windowPanel(model)}${codePanel(model)}${passwordPanel(model)}
    ${verificationPanel(model)}${profilesPanel(model)}${serversPanel(model)}${accountPanel(model)}
    ${everywherePanel(model)}${closedPanel(model)}
  </main>
  ${footer(language)}
  ${pinDialog(model)}
  <template id="alert-icon">${icon('alert')}</template>
  <template id="lock">${icon('lock')}</template>
  <template id="server-row"><li><button class="way" type="button">${icon('server')}<span class="way-text"><b></b><small></small></span>${icon('next')}</button></li></template>
  <template id="texts">${textKeys.map((key) => html`<p data-key="${key}">${language.texts[key]}</p>`)}</template>
</body>
</html>
`.markup
}
