import { readFileSync } from 'node:fs'
import ts from 'typescript'

/**
 * A deliberate bug, small enough that anybody could make it. The tests' loader puts it in place of a compiled file; the
 * sources never hold one. One that is missed shows what no test looks at.
 */
export interface Mutant {
  /** From the root of the repository: `src/log/log.ts`, or a file of protocol/ or bin/. */
  readonly file: string
  /** Stands exactly once in that file. */
  readonly text: string
  readonly replacement: string
  /** What a user loses by it, in one sentence. */
  readonly about: string
  /** Patterns of jest for the test files of which one must fail: `log/append`. */
  readonly killedBy: readonly string[]
  /** Why no test can notice it: it has no effect that matters. Such a bug is not run, only kept from being tried again. */
  readonly equivalent?: string
}

/** Where in its file the bug is, for people. */
export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
}

/** What can't be tried: the text is gone or stands twice, or what comes out isn't TypeScript. */
class BrokenMutantError extends Error {
  constructor({ file, text }: Mutant, why: string) {
    super(`${file}: ${why}: ${JSON.stringify(text)}`)
  }
}

/** @throws BrokenMutantError where the text doesn't stand in the file exactly once */
export function placeOf(mutant: Mutant, root: string): Place {
  const { at, source } = find(mutant, root)
  return { file: mutant.file, line: source.slice(0, at).split('\n').length }
}

/**
 * The JavaScript of the file with the bug in it, as `tsc` would write it.
 * @throws BrokenMutantError where the text doesn't stand in the file exactly once, or the syntax is wrong
 */
export function compileMutant(mutant: Mutant, root: string): string {
  const { at, source } = find(mutant, root)
  const { text, replacement, file } = mutant
  if (text === replacement) throw new BrokenMutantError(mutant, 'it changes nothing')
  const patched = source.slice(0, at) + replacement + source.slice(at + text.length)
  const { outputText, diagnostics = [] } = ts.transpileModule(patched, {
    compilerOptions: optionsOf(root),
    fileName: `${root}/${file}`,
    reportDiagnostics: true,
  })
  if (diagnostics.length > 0) {
    const message = ts.flattenDiagnosticMessageText(diagnostics[0]!.messageText, '\n')
    throw new BrokenMutantError(mutant, `it does not compile (${message})`)
  }
  return outputText
}

/** Where `tsc` puts the file, from the root. */
export function outputOf({ file }: Mutant): string {
  return `dist/${file.replace(/\.ts$/, '.js')}`
}

function find(mutant: Mutant, root: string): { at: number; source: string } {
  const source = readFileSync(`${root}/${mutant.file}`, 'utf8')
  const at = source.indexOf(mutant.text)
  if (mutant.text === '' || at < 0) throw new BrokenMutantError(mutant, 'the text is not there')
  if (source.indexOf(mutant.text, at + 1) >= 0) {
    throw new BrokenMutantError(mutant, 'the text stands there more than once')
  }
  return { at, source }
}

function optionsOf(root: string): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${root}/tsconfig.json`, (path) =>
    ts.sys.readFile(path),
  ) as {
    config: { compilerOptions: Record<string, unknown> }
  }
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  return {
    ...options,
    // One file alone can't look up which kind of module its package says it is.
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    // Maps and declarations would only be thrown away.
    sourceMap: false,
    declaration: false,
    incremental: false,
  }
}
