import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

const LEFT_OUT = new Set(['node_modules', 'dist', '.git', 'fixtures', 'data'])

/** The project's files with one of these endings, as paths from its root. */
export function filesOf(folder: string, ...endings: readonly string[]): string[] {
  const found: string[] = []
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const name = join(path, entry.name)
      if (entry.isDirectory()) {
        if (!LEFT_OUT.has(entry.name)) walk(name)
      } else if (endings.some((ending) => entry.name.endsWith(ending))) {
        found.push(relative('.', name))
      }
    }
  }
  walk(folder)
  return found.sort()
}

export const contentOf = (path: string): string => readFileSync(path, 'utf8')

/** The relative paths that a TypeScript file imports, types too. */
export function importsOf(path: string): string[] {
  const found = contentOf(path).matchAll(/\b(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)
  return Array.from(found, ([, target]) => target!)
}
