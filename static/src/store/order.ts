/** Fractional indices: a place between two neighbours, also where their indices are the same. */
import { generateNKeysBetween } from 'fractional-indexing'

export interface Placing {
  order: string
  /** Neighbours (by their position in `orders`) that need another index, in the order in which to write them. */
  others: readonly { at: number; order: string }[]
}

/**
 * The index for something that goes before `orders[at]` (or behind all). `orders` ascend, and may be
 * equal: then as few neighbours as possible move over. Written in the order given, what is beside
 * never changes places on the way.
 */
export function between(orders: readonly string[], at: number): Placing {
  const [lower, upper] = [orders[at - 1] ?? null, orders[at] ?? null]
  // Up to where there is something that really comes later, and earlier.
  const later = lower === null ? at : orders.findIndex((order, i) => i >= at && order > lower)
  const right = later < 0 ? orders.length : later
  const left = upper === null ? at : orders.findLastIndex((order, i) => i < at && order < upper) + 1
  if (right - at <= at - left) {
    const [order = '', ...rest] = generateNKeysBetween(lower, orders[right] ?? null, right - at + 1)
    return { order, others: rest.map((key, i) => ({ at: at + i, order: key })).toReversed() }
  }
  const keys = generateNKeysBetween(orders[left - 1] ?? null, upper, at - left + 1)
  return { order: keys.at(-1) ?? '', others: keys.slice(0, -1).map((key, i) => ({ at: left + i, order: key })) }
}
