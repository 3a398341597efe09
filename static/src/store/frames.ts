/** One tick per animation frame: work asked for several times in a frame is done once. */
export function oncePerFrame(work: () => void): () => void {
  let asked = false
  const run = () => {
    if (!asked) return
    asked = false
    work()
  }
  return () => {
    if (asked) return
    asked = true
    // A hidden page gets no frames; its state must not go stale all the same.
    if (document.hidden) setTimeout(run, 16)
    else requestAnimationFrame(run)
  }
}
