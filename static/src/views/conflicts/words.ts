/** Conflicts in words, and what differs between two texts. */
import type { Choice, Conflict, ReferenceSide } from '../../api/conflicts.ts'
import { same } from '../../store/overlay.ts'
import type { Json, WordStep } from '../../types.ts'

export const TYPES: { [type in Conflict['type']]: string } = {
  simultaneous_edit: 'Set by two at once',
  version_conflict: 'Built on an older version',
  dependency_conflict: 'What it is built on',
}

const FIELDS: { [field: string]: string } = { '@name': 'Name', '@status': 'Status', '@references': 'Built on', '@approved': 'Approved version', '@deleted': 'Deleted' }
export const fieldWords = (one: Conflict) => FIELDS[one.field] ?? one.field_label

export const SIDES: { [choice in Choice]: string } = { ours: 'Ours', theirs: 'Theirs', merged: 'Both, merged' }
export const TAKE: { [choice in Choice]: string } = { ours: 'Keep ours', theirs: 'Take theirs', merged: 'Take both' }
export const KEYS: { [key: string]: Choice } = { o: 'ours', t: 'theirs', m: 'merged' }

/** What was settled without asking can be had otherwise. */
export const BACK: { [choice in Choice]: string } = { ours: 'Have ours back', theirs: 'Have theirs back', merged: 'Have both, merged' }

/** In the order in which they stand: what is proposed is in the middle. */
const ORDER: readonly Choice[] = ['ours', 'merged', 'theirs']

const isOwn = (one: Conflict) => one.merged !== null && !same(one.merged, one.ours) && !same(one.merged, one.theirs)

/** What is shown to be chosen: nothing is merged where nothing is proposed, or no more than one side. */
export const choicesOf = (one: Conflict): Choice[] => ORDER.filter((choice) => one.resolution_options.includes(choice) && (choice !== 'merged' || isOwn(one)))

export const standsNow = (one: Conflict, choice: Choice) => one.field !== '@deleted' && same(one[choice], one.current)

/** Of what was settled without asking, what stands need not be chosen. */
export const takeable = (one: Conflict): Choice[] => choicesOf(one).filter((choice) => !one.automatic || !standsNow(one, choice))

/** Whether it can be made something else than either side. */
export const isEditable = (one: Conflict) => one.resolution_options.includes('merged') && !['@references', '@approved', '@deleted'].includes(one.field)

export const isReference = (value: Json): value is Json & ReferenceSide & { [key: string]: Json } => typeof value === 'object' && value !== null && !Array.isArray(value) && typeof value['source'] === 'string'

/** A longer text is shown as it is: what differs in it would be no help. */
const LONGEST = 600

const wordsOf = (text: string): string[] => text.match(/\s+|\S+/gu) ?? []

/** What was taken out of one text and put into the other, word by word. */
export function wordSteps(from: string, to: string): WordStep[] | null {
  const [a, b] = [wordsOf(from), wordsOf(to)]
  if (a.length > LONGEST || b.length > LONGEST) return null
  const wide = b.length + 1
  const common = new Uint16Array((a.length + 1) * wide)
  const at = (i: number, j: number) => common[i * wide + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) common[i * wide + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const steps: WordStep[] = []
  const add = (op: WordStep['op'], text: string) => {
    const last = steps.at(-1)
    if (last?.op === op) last.text += text
    else steps.push({ op, text })
  }
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add('equal', a[i] ?? '')
      i += 1
      j += 1
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) add('delete', a[i++] ?? '')
    else add('insert', b[j++] ?? '')
  }
  return steps
}
