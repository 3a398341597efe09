/**
 * Stands in for `style-mod` (see vite.config.ts): the same modules, mounted as constructed style
 * sheets, because a content security policy without 'unsafe-inline' refuses <style> elements.
 */
import { StyleModule as Base } from '../../node_modules/style-mod/src/style-mod.js'

const mounted = new Map<Document | ShadowRoot, { sheet: CSSStyleSheet; modules: Base[] }>()

export class StyleModule extends Base {
  static override mount(root: Document | ShadowRoot, modules: Base | readonly Base[]): void {
    const wanted: readonly Base[] = modules instanceof Base ? [modules] : modules
    const known = mounted.get(root) ?? { sheet: new CSSStyleSheet(), modules: [] }
    const fresh = wanted.filter((m) => !known.modules.includes(m))
    if (!mounted.has(root)) {
      mounted.set(root, known)
      root.adoptedStyleSheets = [known.sheet, ...root.adoptedStyleSheets]
    }
    if (fresh.length === 0) return
    known.modules = [...known.modules.filter((m) => !wanted.includes(m)), ...wanted]
    known.sheet.replaceSync(known.modules.map((m) => m.getRules()).join('\n'))
  }
}
