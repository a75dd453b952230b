import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Machine } from '../../src/machine/machine.ts'

/**
 * Drives a machine and writes down what went in (`>`) and what came out: facts (`+` durable, `~` volatile), alarms (`@`),
 * effects (`!`) and replies (`<`, with the ticket). Facts are applied at once, with offsets counted from `firstOffset`.
 */
export class Transcript<Command, Fact, Reply, Effect, Settings> {
  readonly #machine: Machine<Command, Fact, Reply, Effect, Settings>
  readonly #settings: Settings
  readonly #lines: string[] = []
  #offset: number
  #ticket = 0

  constructor(
    machine: Machine<Command, Fact, Reply, Effect, Settings>,
    settings: Settings,
    firstOffset = 0,
  ) {
    this.#machine = machine
    this.#settings = settings
    this.#offset = firstOffset
  }

  /** A heading in the transcript. */
  note(text: string): void {
    this.#lines.push('', `# ${text}`)
  }

  step(command: Command | { alarm: string }, now = 0): void {
    const ticket = ++this.#ticket
    this.#lines.push(`> ${ticket} at ${now}: ${text(command)}`)
    const decision = this.#machine.decide(command, {
      ticket,
      now,
      wallNow: now,
      nextOffset: this.#offset,
      settings: this.#settings,
    })
    for (const fact of decision.facts ?? []) {
      const isVolatile = this.#machine.isVolatile?.(fact) ?? false
      this.#lines.push(`  ${isVolatile ? '~' : `+ ${this.#offset}`} ${text(fact)}`)
      this.#machine.apply(fact, isVolatile ? -1 : this.#offset++)
    }
    for (const { name, at } of decision.alarms ?? []) this.#lines.push(`  @ ${name} ${at}`)
    for (const effect of decision.effects ?? []) this.#lines.push(`  ! ${text(effect)}`)
    for (const reply of decision.replies ?? []) {
      this.#lines.push(`  < ${reply.ticket} ${text(reply.reply)}`)
    }
  }

  /**
   * Compares with `test/golden/NAME.txt`; UPDATE_GOLDEN=1 writes it instead, for review as a diff.
   */
  expectGolden(name: string): void {
    const path = `test/golden/${name}.txt`
    const content = `${this.#lines.join('\n').trimStart()}\n`
    if (process.env['UPDATE_GOLDEN'] === '1') {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
    }
    expect(content).toBe(readFileSync(path, 'utf8'))
  }
}

/** JSON that leaves out nulls and empty lists, which say nothing here. */
function text(value: unknown): string {
  const json = JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Map) return Object.fromEntries(part) as unknown
    if (part === null || (Array.isArray(part) && part.length === 0)) return undefined
    return typeof part === 'bigint' ? `${part}n` : part
  })
  return json ?? 'null'
}
