import { GroupTranscript } from './group-transcript.ts'
import { testTranscripts } from './transcript.ts'

describe('the group coordinator', () => {
  testTranscripts({
    folder: 'groups',
    start: () => {
      const transcript = new GroupTranscript()
      return (command) => transcript.run(command)
    },
  })
})
