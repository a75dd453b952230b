import { FrameCutter } from '../../src/peer/frames.ts'

describe('Cutting answers out of a stream', () => {
  test('frames come whole, however the bytes are divided', () => {
    const stream = Buffer.from('00000003616263' + '00000000' + '0000000164', 'hex')
    for (let chunkBytes = 1; chunkBytes <= stream.length; chunkBytes++) {
      const frames: string[] = []
      const cutter = new FrameCutter((frame) => frames.push(frame.toString()))
      for (let at = 0; at < stream.length; at += chunkBytes) {
        expect(cutter.push(stream.subarray(at, at + chunkBytes))).toBeNull()
      }
      expect(frames).toEqual(['abc', '', 'd'])
    }
  })

  test('frames lie in the memory that is given for them, which is asked for when their length is known', () => {
    const asked: number[] = []
    const memory = Buffer.alloc(16, '.')
    const frames: Buffer[] = []
    const cutter = new FrameCutter(
      (frame) => frames.push(frame),
      (sizeBytes) => {
        asked.push(sizeBytes)
        return memory.subarray(0, sizeBytes)
      },
    )
    cutter.push(Buffer.from('000000', 'hex'))
    expect(asked).toEqual([])
    cutter.push(Buffer.from('0361', 'hex'))
    expect(asked).toEqual([3])
    cutter.push(Buffer.from('6263', 'hex'))
    expect(frames.map(String)).toEqual(['abc'])
    expect(memory.toString()).toBe('abc.............')
  })

  test('what is not a length is refused before memory is taken for it', () => {
    const cutter = new FrameCutter(() => undefined)
    expect(cutter.push(Buffer.from('HTTP/1.1 400'))).toBe('an answer that begins with "HTTP"')
    expect(new FrameCutter(() => undefined).push(Buffer.from('ffffffff', 'hex'))).not.toBeNull()
  })

  test('the alert of who speaks TLS is known by its first bytes', () => {
    for (const chunkBytes of [1, 7]) {
      const cutter = new FrameCutter(() => undefined)
      const alert = Buffer.from('15030300020246', 'hex')
      let wrong: string | null = null
      for (let at = 0; wrong === null && at < alert.length; at += chunkBytes) {
        wrong = cutter.push(alert.subarray(at, at + chunkBytes))
      }
      expect(wrong).toContain('it speaks TLS, and security.protocol says PLAINTEXT here')
    }
  })
})
