/** What a person chose for this browser: theme and row height. */
import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'
export type Density = 'compact' | 'comfortable'
/** What shots stand under, in both views. */
export type Grouping = 'sequence' | 'scene'

function stored<T extends string>(key: string, options: readonly T[], otherwise: T): T {
  try {
    const value = localStorage.getItem(`ripplecut.${key}`)
    return options.find((o) => o === value) ?? otherwise
  } catch {
    return otherwise
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`ripplecut.${key}`, value)
  } catch {
    // A browser that stores nothing still works; it only forgets.
  }
}

export const theme = signal<Theme>(stored('theme', ['system', 'light', 'dark'], 'system'))
export const density = signal<Density>(stored('density', ['compact', 'comfortable'], 'compact'))
export const grouping = signal<Grouping>(stored('grouping', ['sequence', 'scene'], 'sequence'))

export function startPreferences(): void {
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value
    keep('theme', theme.value)
  })
  effect(() => keep('density', density.value))
  effect(() => keep('grouping', grouping.value))
}
