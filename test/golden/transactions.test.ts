import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TransactionTranscript } from './transaction-transcript.ts'
import { testTranscripts } from './transcript.ts'

const FOLDER = join(process.cwd(), 'test/golden/transactions')
const transcripts = readdirSync(FOLDER).map((name) => readFileSync(join(FOLDER, name), 'utf8'))

/** As Apache Kafka has them (TransactionState.validPreviousStates), but for PrepareEpochFence, which it passes through. */
const STEPS: Readonly<Record<string, readonly string[]>> = {
  unknown: ['Empty'],
  Empty: ['Empty', 'Ongoing', 'PrepareAbort', 'forgotten'],
  Ongoing: ['Ongoing', 'PrepareCommit', 'PrepareAbort'],
  PrepareCommit: ['CompleteCommit'],
  PrepareAbort: ['CompleteAbort'],
  CompleteCommit: ['Empty', 'Ongoing', 'PrepareAbort', 'forgotten'],
  CompleteAbort: ['Empty', 'Ongoing', 'PrepareAbort', 'forgotten'],
}
const COMMANDS = [
  'InitProducer',
  'AddPartitions',
  'VerifyPartitions',
  'End',
  'AbortTimedOut',
  'MarkersWritten',
  'Describe',
]

describe('the transaction coordinator', () => {
  testTranscripts({
    folder: 'transactions',
    start: () => {
      const transcript = new TransactionTranscript()
      return (command) => transcript.run(command)
    },
  })

  test('has every command in every state in its transcripts, and no step but those of Kafka, and all of these', () => {
    const met = new Set<string>()
    for (const text of transcripts) {
      const transcript = new TransactionTranscript()
      for (const line of text.split('\n')) {
        if (line.startsWith('> ')) transcript.run(line.slice(2))
      }
      for (const one of transcript.met) met.add(one)
    }
    const commands = Object.keys(STEPS).flatMap((state) =>
      COMMANDS.map((command) => `${state}: ${command}`),
    )
    const steps = Object.entries(STEPS).flatMap(([from, all]) =>
      all.map((to) => `${from} -> ${to}`),
    )
    expect([...met].sort()).toEqual([...commands, ...steps].sort())
  })

  test('has the KIP in the first line of each transcript', () => {
    for (const text of transcripts) expect(text).toMatch(/^# .*KIP-\d+/)
  })
})
