import { JobQueue } from '../../src/quorum/job-queue.ts'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a queue of jobs', () => {
  function begin() {
    const done: string[] = []
    const failures: string[] = []
    const queue = new JobQueue(({ message }) => failures.push(message))
    return { queue, done, failures }
  }

  test('does one after the other, and at once where none lasts', async () => {
    const { queue, done } = begin()
    queue.put(() => void done.push('first'))
    expect(done).toEqual(['first'])
    queue.put(async () => {
      await settled()
      done.push('long')
    })
    queue.put(() => void done.push('last'))
    expect(done).toEqual(['first'])
    await queue.whenIdle()
    expect(done).toEqual(['first', 'long', 'last'])
  })

  test('goes on after one that failed', async () => {
    const { queue, done, failures } = begin()
    queue.put(() => Promise.reject(new Error('broken')))
    queue.put(() => void done.push('next'))
    await queue.whenIdle()
    expect([failures, done]).toEqual([['broken'], ['next']])
  })

  test('tells whoever waits for a job that was never begun', async () => {
    const { queue, done } = begin()
    queue.put(settled)
    queue.put(
      () => void done.push('begun'),
      () => void done.push('dropped'),
    )
    queue.stop()
    await queue.whenIdle()
    expect(done).toEqual(['dropped'])
  })
})
