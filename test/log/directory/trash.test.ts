import type { LogHome } from '../../../src/log/context.ts'
import { Trash } from '../../../src/log/directory/trash.ts'

describe('directories of deleted partitions', () => {
  const setUp = () => {
    const removed: string[] = []
    const timers: (() => void)[] = []
    const turns: (() => void)[] = []
    const failures: string[] = []
    const home = {
      failure: null as string | null,
      fail: (what: string) => failures.push((home.failure = what)),
    }
    const host = {
      clock: {
        after: (_delayMs: number, callback: () => void) => {
          timers.push(callback)
          return { cancel: () => undefined }
        },
        endOfTurn: (callback: () => void) => turns.push(callback),
      },
      disk: {
        removeDirectory: (path: string) => {
          if (path === 'broken') throw new Error('EIO')
          removed.push(path)
        },
      },
    }
    const trash = new Trash(host as unknown as ConstructorParameters<typeof Trash>[0])
    const ring = (...paths: string[]): void => {
      for (const path of paths) trash.removeLater(home as unknown as LogHome, path, 60_000)
      for (const callback of timers.splice(0)) callback()
    }
    const turn = (): void => {
      for (const callback of turns.splice(0)) callback()
    }
    return { removed, failures, trash, ring, turn }
  }

  test('that are due together are removed one in a turn of the event loop, in their order', () => {
    const { removed, ring, turn } = setUp()
    ring('a', 'b', 'c')
    expect(removed).toEqual(['a'])
    turn()
    expect(removed).toEqual(['a', 'b'])
    ring('d')
    expect(removed).toEqual(['a', 'b'])
    turn()
    turn()
    turn()
    expect(removed).toEqual(['a', 'b', 'c', 'd'])
    ring('e')
    expect(removed).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('are left where their disk fails, and nothing of it is touched from then on', () => {
    const { removed, failures, ring, turn } = setUp()
    ring('a', 'broken', 'b')
    turn()
    turn()
    expect(failures).toEqual(['remove broken'])
    expect(removed).toEqual(['a'])
  })

  test('are left to the next start when the node stops', () => {
    const { removed, trash, ring, turn } = setUp()
    ring('a', 'b')
    trash.stop()
    turn()
    expect(removed).toEqual(['a'])
  })
})
