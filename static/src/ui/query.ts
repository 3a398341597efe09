/** What of a place is shown: the part of its URL that says no place. Whoever narrows a view writes it. */
import { signal } from '@preact/signals'

/** These say where one is and belong to the router. */
const PLACES = ['e', 'v']

/** As in a URL, without a question mark: `q=coat&status=wip`. */
export const shownPart = signal('')

/** The part of a URL's search that says no place. */
export function queryOf(search: string): string {
  const all = new URLSearchParams(search)
  for (const name of PLACES) all.delete(name)
  return all.toString()
}

/** A place's URL with what is shown of it. */
export const withQuery = (url: string, shown: string) => (shown === '' ? url : `${url}${url.includes('?') ? '&' : '?'}${shown}`)
