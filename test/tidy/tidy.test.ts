import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { pathToFileURL } from 'node:url'
import { handlers } from '../../src/handlers/index.ts'
import type { Handler } from '../../src/handlers/handler.ts'
import { withApiTable } from './api-table.ts'
import { withClientTable } from './client-table.ts'
import { contentOf, filesOf, importsOf } from './source.ts'

const isHandler = (value: unknown): value is Handler =>
  typeof value === 'object' && value !== null && 'api' in value && 'answer' in value

describe('handlers', () => {
  test('every handler in src/handlers is in the list', async () => {
    const unlisted: string[] = []
    for (const path of filesOf('src/handlers', '.ts')) {
      const compiled = join('dist', path.replace(/\.ts$/, '.js'))
      const module = (await import(pathToFileURL(compiled).href)) as Record<string, unknown>
      for (const [name, value] of Object.entries(module)) {
        if (isHandler(value) && !handlers.includes(value)) unlisted.push(`${path}: ${name}`)
      }
    }
    expect(unlisted).toEqual([])
  })

  test('every one is asked by a test of test/handlers, through the node that has what a broker has', () => {
    const tests = filesOf('test/handlers', '.ts').map(contentOf)
    const isAsked = ({ api: { name } }: Handler): boolean => {
      const asks = new RegExp(`\\.(ask|answer)\\(\\s*${name}\\b`)
      return tests.some((content) => asks.test(content))
    }
    expect(handlers.filter((handler) => !isAsked(handler)).map(({ api }) => api.name)).toEqual([])
  })

  test('none says how long the client is throttled: one place does', () => {
    const saying = filesOf('src/handlers', '.ts').filter((path) =>
      /throttleTimeMs/.test(contentOf(path)),
    )
    expect(saying).toEqual([])
  })

  test('every one is asked by somebody who may do nothing', () => {
    const refused = contentOf('test/handlers/unauthorized-requests.ts')
    const isRefused = ({ api: { name } }: Handler): boolean =>
      new RegExp(`asking\\(\\s*${name}\\b`).test(refused)
    expect(handlers.filter((handler) => !isRefused(handler)).map(({ api }) => api.name)).toEqual([])
  })

  test('no API has two on the listeners of a kind', () => {
    for (const kind of ['broker', 'controller'] as const) {
      const served = handlers.filter(({ listeners }) => listeners.includes(kind))
      const keys = served.map(({ api }) => api.key)
      expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
    }
  })
})

test('README.md has the table of APIs that are served (UPDATE_DOCS=1 npx jest tidy renews it)', () => {
  const readme = contentOf('README.md')
  if (process.env['UPDATE_DOCS']) writeFileSync('README.md', withApiTable(readme))
  expect(contentOf('README.md')).toBe(withApiTable(readme))
})

test('docs/security.md says which clients are tried by what (UPDATE_DOCS=1 npx jest tidy renews it)', () => {
  const path = 'docs/security.md'
  if (process.env['UPDATE_DOCS']) writeFileSync(path, withClientTable(contentOf(path)))
  expect(contentOf(path)).toBe(withClientTable(contentOf(path)))
})

test('nothing is left to do', () => {
  // In two parts, so that this file has none.
  const words = new RegExp(
    `\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`,
  )
  const files = ['src', 'protocol', 'bin', 'test', 'docs', '.ci', 'docker'].flatMap((folder) =>
    filesOf(folder, ''),
  )
  expect(files.filter((path) => words.test(contentOf(path)))).toEqual([])
})

test('links between the documents lead somewhere', () => {
  const broken: string[] = []
  for (const path of filesOf('.', '.md')) {
    for (const [, target] of contentOf(path).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const [file, anchor] = target!.split('#') as [string, string?]
      const to = file === '' ? path : normalize(join(dirname(path), file))
      if (!existsSync(to)) broken.push(`${path}: ${target}`)
      else if (anchor !== undefined && to.endsWith('.md') && !anchorsOf(to).has(anchor)) {
        broken.push(`${path}: ${target}`)
      }
    }
  }
  expect(broken).toEqual([])
})

/** The headings of a document as GitHub makes anchors of them. */
function anchorsOf(path: string): Set<string> {
  const headings = contentOf(path).matchAll(/^#+ (.+)$/gm)
  return new Set(
    Array.from(headings, ([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/**
 * Those that may have one all the same. unrs-resolver, by which jest finds modules: it only looks whether its binary came
 * along, which the lock file has for every platform; newer ones without the script are not whole in every registry.
 */
const MAY_HAVE_SCRIPT = ['node_modules/unrs-resolver']

describe('packages', () => {
  test('none has an install script: npm no longer runs them, and without network they fail', () => {
    const lock = JSON.parse(contentOf('package-lock.json')) as {
      packages: Record<string, { hasInstallScript?: boolean }>
    }
    const scripted = Object.entries(lock.packages).filter(([, each]) => each.hasInstallScript)
    expect(scripted.filter(([name]) => !MAY_HAVE_SCRIPT.includes(name))).toEqual([])
  })

  test('ours has none either', () => {
    const { scripts } = JSON.parse(contentOf('package.json')) as { scripts: Record<string, string> }
    for (const name of ['preinstall', 'install', 'postinstall'])
      expect(scripts).not.toHaveProperty(name)
  })

  test('the lock file names no private registry', () => {
    const hosts = contentOf('package-lock.json').matchAll(/"resolved": "https?:\/\/([^/"]+)/g)
    const others = Array.from(hosts, ([, host]) => host).filter(
      (host) => host !== 'registry.npmjs.org',
    )
    expect(others).toEqual([])
  })
})

test('no folder of src imports in a circle', () => {
  const folderOf = (path: string): string => path.split('/').slice(0, 2).join('/')
  const imports = new Map<string, Map<string, string>>()
  for (const path of filesOf('src', '.ts')) {
    for (const target of importsOf(path)) {
      const to = folderOf(normalize(join(dirname(path), target)))
      const from = folderOf(path)
      if (to === from || !to.startsWith('src/')) continue
      if (!imports.has(from)) imports.set(from, new Map())
      imports.get(from)!.set(to, path)
    }
  }
  expect(circle(imports)).toEqual([])
})

/** A way from a folder back to itself, as `folder: file that imports the next`; empty when there is none. */
function circle(imports: ReadonlyMap<string, ReadonlyMap<string, string>>): string[] {
  const done = new Set<string>()
  const visit = (folder: string, way: readonly (readonly [string, string])[]): string[] => {
    const at = way.findIndex(([from]) => from === folder)
    if (at >= 0) return way.slice(at).map(([from, file]) => `${from}: ${file}`)
    if (done.has(folder)) return []
    for (const [to, file] of imports.get(folder) ?? []) {
      const found = visit(to, [...way, [folder, file]])
      if (found.length > 0) return found
    }
    done.add(folder)
    return []
  }
  for (const folder of imports.keys()) {
    const found = visit(folder, [])
    if (found.length > 0) return found
  }
  return []
}

test('every test is a sentence’s file: those that jest runs end in .test.ts', () => {
  const named = filesOf('test', '.ts').filter((path) =>
    /^(describe|test)(\.each)?\(/m.test(readFileSync(path, 'utf8')),
  )
  expect(named.filter((path) => !path.endsWith('.test.ts'))).toEqual([])
})
