import { abilitiesOf, securedNames } from '../clients/secured-clients.ts'
import { protections } from '../clients/security.ts'

const BEGIN = '<!-- clients -->'
const END = '<!-- /clients -->'

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** Which client is tried by which protection, and why not by others. */
function clientTable(): string {
  const rows = securedNames.toSorted().map((name) => {
    const { cannot } = abilitiesOf(name)
    return row([name, ...protections.map((each) => cannot?.[each] ?? 'yes')])
  })
  return [
    row(['client', ...protections]),
    row(['---', ...protections.map(() => '---')]),
    ...rows,
  ].join('\n')
}

/** docs/security.md with the table between its marks renewed. */
export function withClientTable(document: string): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`docs/security.md needs the marks ${BEGIN}, ${END}`)
  return `${document.slice(0, begin + BEGIN.length)}\n\n${clientTable()}\n\n${document.slice(end)}`
}
