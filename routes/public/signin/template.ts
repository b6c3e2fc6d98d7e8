import { type Html, html } from './html.ts'
import { ICONS, icon, MARK } from './icons.ts'
import { firstPanel, type PageModel } from './model.ts'
import { choosePanel, codePanel, passwordPanel, windowPanel } from './panels-sign-in.ts'
import { accountPanel, closedPanel, DIALOGS, profilesPanel, serversPanel } from './panels-signed-in.ts'
import { timeElement } from './time-element.ts'

function outage({ session, unreachableSince }: PageModel): Html {
  const known = unreachableSince !== null
  const since = known
    ? html` since ${timeElement('outage-since', new Date(unreachableSince).toISOString())}`
    : html` at the moment`
  const hidden = !known && session?.stale !== true
  return html`<div class="notice" id="outage"${hidden && html` hidden`}>${icon('cloud')}<p><b>plex.tv cannot be reached${since}.</b>
    <span id="outage-todo">${
      session === null
        ? 'Signing in may not work until it is back. If you are signed in, you stay signed in.'
        : 'You stay signed in.'
    }</span></p></div>`
}

/** The whole document. From the request it contains only the checked `returnTo` and a code from the closed list. */
export function renderPage(model: PageModel, scripts: readonly string[]): string {
  const { assetsPath, basePath, brand, problem } = model
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="theme-color" content="#f6f1ea" media="(prefers-color-scheme: light)">
  <meta name="theme-color" content="#141017" media="(prefers-color-scheme: dark)">
  <meta name="robots" content="noindex, nofollow">
  <title>Sign in · ${brand.name}</title>
  <link rel="icon" href="${assetsPath}/icon.svg" type="image/svg+xml">
  <link rel="preload" href="${assetsPath}/figtree.woff2" as="font" type="font/woff2" crossorigin>
  <link rel="preload" href="${assetsPath}/instrument-serif.woff2" as="font" type="font/woff2" crossorigin>
  <link rel="stylesheet" href="${assetsPath}/style.css">
  <noscript><link rel="stylesheet" href="${assetsPath}/no-script.css"></noscript>
  ${scripts.map((name) => html`<link rel="modulepreload" href="${assetsPath}/${name}">`)}
  <script type="module" src="${assetsPath}/app.js"></script>
</head>
<body>
  ${ICONS}
  <header class="brand">
    ${brand.logoPath === null ? MARK : html`<img class="mark" src="${brand.logoPath}" alt="">`}
    <span>${brand.name}</span>
  </header>
  <main id="signin" data-base="${basePath}" data-return-to="${model.returnTo ?? ''}" data-panel-first="${firstPanel(model)}"
    data-fresh="${model.fresh ? 'yes' : 'no'}" data-server-choice="${model.serverChoice ? 'yes' : 'no'}">
    ${outage(model)}
    <div class="notice problem" id="problem" role="alert">${
      problem === null ? null : html`${icon('alert')}<p><b>${problem.what}</b> ${problem.todo}</p>`
    }</div>
    <div class="notice" id="news" role="status"></div>
    ${choosePanel(model)}${windowPanel(model)}${codePanel(model)}${passwordPanel(model)}
    ${profilesPanel(model)}${serversPanel(model)}${accountPanel(model)}${closedPanel(model)}
  </main>
  <footer><p>Not made by Plex. Plex is a trademark of Plex, Inc.</p></footer>
  ${DIALOGS}
  <template id="alert-icon">${icon('alert')}</template>
</body>
</html>
`.markup
}
