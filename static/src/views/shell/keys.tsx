/** Every key there is, on one page. */
import { Dialog } from '../../ui/dialog.tsx'

export const apple = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.userAgent)

export const FIND_KEY = apple ? '⌘K' : 'Ctrl K'

type Keys = readonly (readonly [string, string])[]

export const KEYS: readonly (readonly [string, Keys])[] = [
  ['Everywhere', [[FIND_KEY, 'Find or do'], ['B', 'Breakdown'], ['S', 'Storyboard'], ['W', 'What waits for approval'], ['C', 'Conflicts'], ['R', 'Rules'], ['I', 'Notifications'], ['?', 'These keys'], ['Esc', 'Back: stop following, leave an old version, close the inspector']]],
  ['In the storyboard', [['← ↑ → ↓', 'Walk over panels'], ['Enter', 'Open in the inspector'], ['Space', 'Pick up; arrows move it, Space puts it down'], ['N', 'New shot after this one']]],
  ['In the palette', [['↑ ↓', 'Choose'], ['Enter', 'Go there, or do it'], ['>', 'Only what can be done']]],
  ['In the breakdown', [['← ↑ → ↓', 'Walk over cells; on a heading, fold'], ['PgUp, PgDn', 'Twenty rows at a time'], [`${apple ? '⌘' : 'Ctrl'} Home, End`, 'First and last row'], ['Space', 'Select the shot'], ['Shift ↑ ↓', 'Select more'], [`${apple ? '⌘' : 'Ctrl '}A`, 'Select all'], ['Enter', 'Open; in an empty cell, add'], ['A', 'Add to the shot'], ['Delete', 'Take it out of the shot'], ['/', 'Search']]],
  ['In what waits for approval', [['J K, ↓ ↑', 'Walk over it'], ['A', 'Approve'], ['R', 'Reject'], ['Space', 'Select; A and R are then for all selected'], ['C', 'Say why'], ['Enter', 'Open in the inspector']]],
  ['In the conflicts', [['J K, ↓ ↑', 'Walk over them'], ['← → Enter', 'Choose a side'], ['O', 'Keep ours'], ['T', 'Take theirs'], ['M', 'Take both, merged'], ['E', 'Set something else'], ['Enter', 'Open in the inspector']]],
  ['In the rules', [['J K, ↓ ↑', 'Walk over them'], ['Alt ↑ ↓', 'Ask earlier, later'], ['Space', 'Switch on or off'], ['Enter', 'Edit; Esc goes back to the list'], [`${apple ? '⌘' : 'Ctrl'} Enter`, 'Save'], ['N', 'New rule'], ['Delete', 'Delete it']]],
  ['In the inspector', [['Enter', 'Keep what was typed into a line'], ['Esc', 'Close; what was typed is kept'], [`${apple ? '⌘' : 'Ctrl '}Z`, 'In prose: take back your own words'], ['← →', 'On its edge: wider, narrower']]],
]

export function KeysDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Keys" hook="keys" class="wide" onClose={onClose}>
      <div class="keys">
        {KEYS.map(([title, keys]) => (
          <section key={title} aria-label={title}>
            <h3>{title}</h3>
            <dl>{keys.map(([key, what]) => <div key={`${key} ${what}`}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
