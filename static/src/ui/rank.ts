/** How well a text answers what was typed: lower is better, infinite is not at all. */

/** Every word must be in the text; an earlier and shorter hit ranks first. */
export function rank(text: string, query: string): number {
  const hay = text.toLowerCase()
  let score = hay.length / 1000
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = hay.indexOf(word)
    if (at < 0) return Number.POSITIVE_INFINITY
    score += at === 0 ? 0 : /[\s'·-]/.test(hay[at - 1] ?? '') ? 1 : 3
  }
  return score
}
