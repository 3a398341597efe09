/**
 * From one drawing to the next by the attributes that differ. A changed colour leaves a drawing's shapes as they are, so
 * the browser keeps them: nothing is parsed or laid out again, only painted.
 */

export interface Edit {
  /** Which element, counted in the order of the document. */
  element: number
  name: string
  value: string
}

/** What turns `before` into `after`, both written by this folder; null where shapes or words came, went or moved. */
export function editsBetween(before: string, after: string): Edit[] | null {
  const [old, fresh] = [before.split('<'), after.split('<')]
  if (old.length !== fresh.length) return null
  const edits: Edit[] = []
  let element = -1
  for (let i = 0; i < fresh.length; i++) {
    const [was, is] = [old[i] ?? '', fresh[i] ?? '']
    if (is !== '' && !is.startsWith('/')) element += 1
    if (was !== is && !compare(was, is, element, edits)) return null
  }
  return edits
}

/** Between quotation marks there is a value; everything else has to be the same. */
function compare(was: string, is: string, element: number, edits: Edit[]): boolean {
  const [old, fresh] = [was.split('"'), is.split('"')]
  if (old.length !== fresh.length) return false
  for (let i = 0; i < fresh.length; i++) {
    const value = fresh[i] ?? ''
    if (old[i] === value) continue
    if (i % 2 === 0) return false
    edits.push({ element, name: (fresh[i - 1] ?? '').slice((fresh[i - 1] ?? '').lastIndexOf(' ') + 1, -1), value })
  }
  return true
}
