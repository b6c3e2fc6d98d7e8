// A frontend without a secret: the cookie is HttpOnly, and Usher adds on the server side what Plex needs.
const find = (id) => document.getElementById(id)

/** JSON from Usher. A 401 on any path means that the session has ended. */
async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { accept: 'application/json' } })
  if (answer.status === 401) {
    show(null)
    throw new Error('Please sign in.')
  }
  if (!answer.ok) throw new Error((await answer.json()).detail)
  return answer.status === 204 ? null : answer.json()
}

function show(session) {
  find('signin').hidden = session !== null
  find('signout').hidden = session === null
  find('who').textContent = session === null ? '' : `${session.account.title}, ${session.role}`
  if (session === null) {
    find('sections').replaceChildren()
    find('items').replaceChildren()
  }
}

function attempt(work) {
  find('problem').textContent = ''
  work().catch((error) => {
    find('problem').textContent = error.message
  })
}

async function openSection(key) {
  const { MediaContainer } = await ask(`/pms/library/sections/${key}/all`)
  const items = (MediaContainer.Metadata ?? []).map(({ title, thumb }) => {
    const item = document.createElement('li')
    if (thumb) {
      const picture = new Image()
      picture.loading = 'lazy'
      picture.alt = ''
      picture.src = `/pms/photo/:/transcode?width=200&height=300&url=${encodeURIComponent(thumb)}`
      item.append(picture)
    }
    item.append(title)
    return item
  })
  find('items').replaceChildren(...items)
}

async function start() {
  show(await ask('/session'))
  const { MediaContainer } = await ask('/pms/library/sections')
  const buttons = (MediaContainer.Directory ?? []).map(({ key, title }) => {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = title
    button.addEventListener('click', () => attempt(() => openSection(key)))
    return button
  })
  find('sections').replaceChildren(...buttons)
}

find('signout').addEventListener('click', () =>
  attempt(async () => {
    await ask('/session/logout', { method: 'POST' })
    show(null)
  })
)

attempt(start)
