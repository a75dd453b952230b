import { Answers } from '../../src/server/answers.ts'

/** The end of a task comes when the test says so. */
function answering() {
  const tasks: (() => void)[] = []
  const answers = new Answers({ afterTask: (callback) => void tasks.push(callback) })
  const endTask = (): void => {
    for (const task of tasks.splice(0)) task()
  }
  return { answers, endTask, tasks }
}

test('all who have answers send them once, when the task has ended', () => {
  const { answers, endTask, tasks } = answering()
  const sent: string[] = []
  answers.add({ sendAnswers: () => void sent.push('a') })
  answers.add({ sendAnswers: () => void sent.push('b') })
  expect([sent, tasks.length]).toEqual([[], 1])
  endTask()
  expect(sent).toEqual(['a', 'b'])
  answers.add({ sendAnswers: () => void sent.push('c') })
  endTask()
  expect(sent).toEqual(['a', 'b', 'c'])
})

test('who answers while answers are sent has a task of its own', () => {
  const { answers, endTask, tasks } = answering()
  const sent: string[] = []
  const later = { sendAnswers: () => void sent.push('later') }
  answers.add({
    sendAnswers: () => {
      sent.push('first')
      answers.add(later)
    },
  })
  endTask()
  expect([sent, tasks.length]).toEqual([['first'], 1])
  endTask()
  expect(sent).toEqual(['first', 'later'])
})

test('memory is used again at once, unless the system has not taken what it holds', () => {
  const { answers } = answering()
  const written = (size: number, fill: number) => {
    const writer = answers.writer()
    for (let at = 0; at < size; at += 4) writer.int32(fill)
    return { writer, bytes: writer.chunks()[0]! }
  }
  const first = written(8, 1)
  const second = written(8, 2)
  expect(second.bytes.byteOffset).toBe(first.bytes.byteOffset)
  expect(second.bytes.buffer).toBe(first.bytes.buffer)
  answers.keep(second.writer)
  const third = written(8, 3)
  expect(third.bytes.buffer).toBe(second.bytes.buffer)
  expect(third.bytes.byteOffset).toBe(second.bytes.byteOffset + 8)
  // What is left would soon be too little.
  const large = written(50_000, 4)
  answers.keep(large.writer)
  expect(written(8, 5).bytes.buffer).not.toBe(large.bytes.buffer)
})
