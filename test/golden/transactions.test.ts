import { TransactionTranscript } from './transaction-transcript.ts'
import { testTranscripts } from './transcript.ts'

describe('the transaction coordinator', () => {
  testTranscripts({
    folder: 'transactions',
    start: () => {
      const transcript = new TransactionTranscript()
      return (command) => transcript.run(command)
    },
  })
})
