import { formatFacts, formatTable } from '../../bin/table.ts'

describe('Tables for people', () => {
  test('numbers stand to the right, and lines have no blanks at their ends', () => {
    const table = formatTable(
      ['TOPIC', 'PARTITIONS', 'NOTE'],
      [
        ['orders', 3, ''],
        ['a', 12, 'internal'],
        ['b', null, 'gone'],
      ],
    )
    expect(table.split('\n')).toEqual([
      'TOPIC   PARTITIONS  NOTE',
      'orders           3',
      'a               12  internal',
      'b                -  gone',
    ])
  })

  test('what would break the lines is escaped', () => {
    expect(formatTable(['A'], [['x\ny\u001b[2J']])).toBe('A\nx\\ny\\u001b[2J')
  })

  test('facts have their values aligned', () => {
    expect(
      formatFacts([
        ['Id', 'x'],
        ['Cluster', null],
      ]),
    ).toBe('Id:      x\nCluster: -')
  })
})
