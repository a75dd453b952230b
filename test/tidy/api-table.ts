import { handlers } from '../../src/handlers/index.ts'

const BEGIN = '<!-- apis -->'
const END = '<!-- /apis -->'

/** The README's table of what is served, from the list that requests are dispatched by. */
function apiTable(): string {
  const isFirst = ({ api }: (typeof handlers)[number], index: number): boolean =>
    handlers.findIndex((other) => other.api.key === api.key) === index
  const rows = handlers
    .filter(isFirst)
    .sort((a, b) => a.api.key - b.api.key)
    .map(({ api, versions: [first, last] }) => {
      return `| ${api.key} | ${api.name} | ${first === last ? first : `${first}-${last}`} |`
    })
  return ['| key | API | versions |', '| --- | --- | --- |', ...rows].join('\n')
}

/** The README with the table between its marks renewed. */
export function withApiTable(readme: string): string {
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`README.md needs the marks ${BEGIN} and ${END}`)
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${apiTable()}\n\n${readme.slice(end)}`
}
