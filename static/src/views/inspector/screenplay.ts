/** Fountain as lines of a screenplay page, enough to read it as one. */

export type LineKind = 'heading' | 'action' | 'character' | 'parenthetical' | 'dialogue' | 'transition' | 'blank'

export interface ScriptLine {
  /** Its place, from 0. */
  at: number
  kind: LineKind
  text: string
}

const HEADING = /^(INT|EXT|EST|INT\.?\/EXT|I\/E)[. ]/i

const isCue = (line: string) => /\p{Lu}/u.test(line) && line.replace(/\([^)]*\)/g, '') === line.replace(/\([^)]*\)/g, '').toUpperCase()

export function scriptLines(text: string): ScriptLine[] {
  const lines = text.replaceAll('\r\n', '\n').replace(/^\n+|\s+$/g, '').split('\n')
  let speaking = false
  return lines.map((raw, at): ScriptLine => {
    const line = raw.trim()
    const after = (lines[at + 1] ?? '').trim()
    const alone = (lines[at - 1] ?? '').trim() === ''
    if (line === '') {
      speaking = false
      return { at, kind: 'blank', text: '' }
    }
    if (speaking) return { at, kind: /^\(.*\)$/.test(line) ? 'parenthetical' : 'dialogue', text: line }
    if (/^\.[^.]/.test(line)) return { at, kind: 'heading', text: line.slice(1) }
    if (alone && HEADING.test(line)) return { at, kind: 'heading', text: line.replace(/\s*#[^#]+#\s*$/, '') }
    if (line.startsWith('!')) return { at, kind: 'action', text: line.slice(1) }
    if (line.startsWith('@') && after !== '') {
      speaking = true
      return { at, kind: 'character', text: line.slice(1) }
    }
    if (alone && after === '' && (/^[^a-z]+ TO:$/.test(line) || /^>[^<]*$/.test(line))) return { at, kind: 'transition', text: line.replace(/^>\s*/, '') }
    if (alone && after !== '' && isCue(line)) {
      speaking = true
      return { at, kind: 'character', text: line.replace(/\s*\^$/, '') }
    }
    return { at, kind: 'action', text: raw.trimEnd() }
  })
}
