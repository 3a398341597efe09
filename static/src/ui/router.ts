/** Where one is, as a URL: `/p/{project}/{view}?e={entity}&v={version}`. */
import { batch, signal } from '@preact/signals'
import { shownPart, queryOf, withQuery } from './query.ts'

const VIEWS = ['storyboard', 'breakdown', 'approvals', 'conflicts', 'rules'] as const
export type View = (typeof VIEWS)[number]

export interface Route {
  project: string | null
  view: View
  entity: string | null
  /** The version that is looked at; without one, what is there now. */
  version?: number
}

/** A place within a project. */
export type Place = Partial<Omit<Route, 'version'>> & { version?: number | null }

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
  const query = new URLSearchParams(search)
  const entity = query.get('e')
  const version = Number(query.get('v'))
  return {
    project: decode(project),
    view: VIEWS.find((one) => one === view) ?? 'storyboard',
    entity,
    ...(entity !== null && Number.isInteger(version) && version > 0 ? { version } : {}),
  }
}

export function href(route: Route): string {
  if (route.project === null) return '/'
  const version = route.version === undefined ? '' : `&v=${route.version}`
  const query = route.entity === null ? '' : `?e=${encodeURIComponent(route.entity)}${version}`
  return `/p/${encodeURIComponent(route.project)}/${route.view}${query}`
}

const here = () => parse(globalThis.location.pathname, globalThis.location.search)

export const route = signal<Route>({ project: null, view: 'storyboard', entity: null })

/** Where `to` leads from `from`: another entity is looked at as it is now. */
export function toward(from: Route, { version, ...to }: Place): Route {
  const { version: before, ...next } = { ...from, ...to }
  const at = version === undefined && next.entity === from.entity ? before : (version ?? undefined)
  return at === undefined ? next : { ...next, version: at }
}

export function go(to: Place, replace = false): void {
  const next = toward(route.peek(), to)
  if (next.project !== route.peek().project) shownPart.value = ''
  const url = withQuery(href(next), shownPart.peek())
  if (url !== globalThis.location.pathname + globalThis.location.search) {
    if (replace) history.replaceState(null, '', url)
    else history.pushState(null, '', url)
  }
  route.value = next
}

/** The URL of another entity in the view one is in. */
export const hrefOf = (entity: string | null) => withQuery(href(toward(route.value, { entity, version: null })), shownPart.value)

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
