import { EMPTY_IMAGE, type MetadataImage } from '../../../src/metadata/image.ts'
import { ImageBuilder } from '../../../src/metadata/image-builder.ts'
import { alterUserScramCredentials } from '../../../src/metadata/controller/scram-commands.ts'
import type { ControllerView } from '../../../src/metadata/controller/view.ts'
import { scramRecordOf, scramUsers } from '../../../src/metadata/scram.ts'

const key = Buffer.from('key')
const upsertion = (name: string, more: object = {}) => ({
  name,
  mechanism: 1,
  iterations: 4096,
  salt: key,
  storedKey: key,
  serverKey: key,
  ...more,
})
const at = (level: number): MetadataImage => ({
  ...EMPTY_IMAGE,
  features: new Map([['metadata.version', level]]),
})
type Command = Parameters<typeof alterUserScramCredentials>[1]
function altered(image: MetadataImage, command: Partial<Command>) {
  const whole = { deletions: [], upsertions: [], ...command } as unknown as Command
  const { facts, reply } = alterUserScramCredentials({ image } as ControllerView, whole)
  const builder = new ImageBuilder(image)
  for (const fact of facts) builder.apply(fact)
  const told = reply.map(({ user, errorCode }) => [user, errorCode])
  return { image: builder.build(1, 1).image, told, facts }
}

describe('credentials of SCRAM', () => {
  test('are kept by user and mechanism, replaced, and removed', () => {
    const first = altered(at(25), {
      upsertions: [upsertion('a'), upsertion('b', { mechanism: 2 })],
    })
    expect(first.told).toEqual([
      ['a', 'NONE'],
      ['b', 'NONE'],
    ])
    const second = altered(first.image, { upsertions: [upsertion('a', { iterations: 5000 })] })
    expect(scramRecordOf(second.image, 1, 'a')).toMatchObject({ iterations: 5000, storedKey: key })
    expect(scramRecordOf(second.image, 2, 'a')).toBeNull()
    expect([...scramUsers(second.image).keys()].sort()).toEqual(['a', 'b'])
    const third = altered(second.image, { deletions: [{ name: 'a', mechanism: 1 }] })
    expect([third.told, [...scramUsers(third.image).keys()]]).toEqual([[['a', 'NONE']], ['b']])
  })

  test.each([
    [{ upsertions: [upsertion('')] }, 'UNACCEPTABLE_CREDENTIAL'],
    [{ upsertions: [upsertion('a', { iterations: 4095 })] }, 'UNACCEPTABLE_CREDENTIAL'],
    [{ upsertions: [upsertion('a', { iterations: 16385 })] }, 'UNACCEPTABLE_CREDENTIAL'],
    [{ upsertions: [upsertion('a', { mechanism: 3 })] }, 'UNSUPPORTED_SASL_MECHANISM'],
    [{ deletions: [{ name: 'a', mechanism: 0 }] }, 'UNSUPPORTED_SASL_MECHANISM'],
    [{ deletions: [{ name: 'a', mechanism: 1 }] }, 'RESOURCE_NOT_FOUND'],
    [{ upsertions: [upsertion('a'), upsertion('a', { mechanism: 2 })] }, 'DUPLICATE_RESOURCE'],
  ])('%j is refused, and nothing is written', (command, error) => {
    const { told, facts } = altered(at(25), command as Partial<Command>)
    expect([told.map(([, code]) => code), facts]).toEqual([[error], []])
  })

  test('are none of a cluster below metadata.version 11', () => {
    expect(altered(at(10), { upsertions: [upsertion('a')] }).told).toEqual([
      ['a', 'UNSUPPORTED_VERSION'],
    ])
  })
})
