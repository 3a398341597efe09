/** Where one is, as a URL: `/p/{project}/{view}?e={entity}`. */
import { batch, signal } from '@preact/signals'
import { shownPart, queryOf, withQuery } from './query.ts'

export type View = 'storyboard' | 'breakdown'

export interface Route {
  project: string | null
  view: View
  entity: string | null
}

function decode(part: string | undefined): string | null {
  if (part === undefined || part === '') return null
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}

export function parse(path: string, search: string): Route {
  const [, p, project, view] = path.split('/')
  if (p !== 'p') return { project: null, view: 'storyboard', entity: null }
  return {
    project: decode(project),
    view: view === 'breakdown' ? 'breakdown' : 'storyboard',
    entity: new URLSearchParams(search).get('e'),
  }
}

export function href(route: Route): string {
  if (route.project === null) return '/'
  const query = route.entity === null ? '' : `?e=${encodeURIComponent(route.entity)}`
  return `/p/${encodeURIComponent(route.project)}/${route.view}${query}`
}

const here = () => parse(globalThis.location.pathname, globalThis.location.search)

export const route = signal<Route>({ project: null, view: 'storyboard', entity: null })

export function go(to: Partial<Route>, replace = false): void {
  const next = { ...route.peek(), ...to }
  if (next.project !== route.peek().project) shownPart.value = ''
  const url = withQuery(href(next), shownPart.peek())
  if (url !== globalThis.location.pathname + globalThis.location.search) {
    if (replace) history.replaceState(null, '', url)
    else history.pushState(null, '', url)
  }
  route.value = next
}

/** The URL of another entity in the view one is in. */
export const hrefOf = (entity: string | null) => withQuery(href({ ...route.value, entity }), shownPart.value)

/** Shows another part of the place one is in. */
export function narrow(shown: string, replace = false): void {
  if (shown === shownPart.peek()) return
  shownPart.value = shown
  const url = withQuery(href(route.peek()), shown)
  if (replace) history.replaceState(null, '', url)
  else history.pushState(null, '', url)
}

function arrive(): void {
  batch(() => {
    shownPart.value = queryOf(globalThis.location.search)
    route.value = here()
  })
}

/** Follows back and forward, and plain clicks on links that stay inside. */
export function startRouter(): void {
  arrive()
  globalThis.addEventListener('popstate', arrive)
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (link === null || link.target !== '' || link.origin !== globalThis.location.origin) return
    if (link.pathname !== '/' && !link.pathname.startsWith('/p/')) return
    event.preventDefault()
    go(parse(link.pathname, link.search))
    const shown = queryOf(link.search)
    if (shown !== '') narrow(shown, true)
  })
}
