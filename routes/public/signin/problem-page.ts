import type { RenderProblem } from '../../../plugins/problems.ts'
import type { Config } from '../../../src/config/config.ts'
import type { IsOwnHost } from '../../../src/domain/hosts.ts'
import { PROBLEMS, type Problem } from '../../../src/domain/problems.ts'
import { spellWait, type Words } from './client/texts.ts'
import { html } from './html.ts'
import type { Language } from './language.ts'
import { REFUSALS } from './model.ts'
import type { RenderPlainPage } from './plain-page.ts'

export interface ProblemPagesOptions {
  readonly config: Pick<Config, 'publicUrl'>
  readonly isOwnHost: IsOwnHost
  readonly render: RenderPlainPage
}

/**
 * A problem as a person reads it: what happened, what to do, and for the operator the request id and the code. It
 * contains nothing else of the request (SECURITY rule 61).
 */
export function createProblemPages({ config, isOwnHost, render }: ProblemPagesOptions): RenderProblem {
  const { basePath, href } = config.publicUrl

  return (problem, { id, host, headers }) => {
    // Under another host the path would lead to this page again.
    const signIn = isOwnHost(host) ? `${basePath}/signin` : `${href}/signin`
    return render(headers, (language) => {
      const { phrase } = language
      const { what, todo } = wordsFor(problem, language)
      return {
        title: what.replace(/\.$/, ''),
        text: todo,
        actions: html`${waysOn(problem, signIn, language)}
    <p class="hint">${phrase('reference', { reference: html`<bdi>${id}</bdi>` })}
      <span class="reference" lang="en" dir="ltr">${problem.code}${
        problem.detail !== PROBLEMS[problem.code].detail && `: ${problem.detail}`
      }</span></p>`
      }
    })
  }
}

function wordsFor({ code, retryAfter = 0 }: Problem, { text, problem, tag }: Language): Words {
  const { what, todo } = problem(code) ?? {
    what: text('problem.USHER_INTERNAL.what'),
    todo: text('problem.USHER_INTERNAL.todo')
  }
  return { what, todo: retryAfter > 0 ? text('again-in', { wait: spellWait(retryAfter, tag) }) : todo }
}

function waysOn({ code, status }: Problem, signIn: string, { text }: Language) {
  if (REFUSALS.some((each) => each === code))
    return html`<div class="stack"><a class="button" href="${signIn}?again=1">${text('refused.another')}</a></div>`
  const mayPass = status === 429 || status >= 500
  // The empty address is this page's own.
  return html`<div class="stack">${mayPass && html`<a class="button" href="">${text('refused.again')}</a>`}
      <a class="button${mayPass && ' quiet'}" href="${signIn}">${text('to-sign-in')}</a></div>`
}
