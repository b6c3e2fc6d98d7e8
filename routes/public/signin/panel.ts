import type { TextKey } from './client/texts.ts'
import { type Html, html } from './html.ts'
import { firstPanel, type PageModel, type PanelName } from './model.ts'

/** One state of the page: a section whose heading takes the focus when the state is entered. */
export function panel(model: PageModel, name: PanelName, heading: TextKey, content: Html): Html {
  const hidden = firstPanel(model) !== name
  return html`<section class="panel" data-panel="${name}" aria-labelledby="h-${name}"${hidden && html` hidden`}>
    <h1 id="h-${name}" tabindex="-1">${model.language.text(heading)}</h1>
    ${content}
  </section>`
}
