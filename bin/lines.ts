const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * The lines of a stream as bytes, of whatever encoding, as many at once as have arrived: what belongs together in a file
 * goes out together, and what is typed goes out line by line. A last line need not end.
 */
export async function* readLines(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer[]> {
  /** Of a line whose end hasn't come yet. */
  let begun: Buffer[] = []
  const finish = (last: Buffer): Buffer => {
    const line = begun.length === 0 ? last : Buffer.concat([...begun, last])
    begun = []
    return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
  }
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    const lines: Buffer[] = []
    let start = 0
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      lines.push(finish(bytes.subarray(start, end)))
      start = end + 1
    }
    if (start < bytes.length) begun.push(bytes.subarray(start))
    if (lines.length > 0) yield lines
  }
  if (begun.length > 0) yield [finish(Buffer.alloc(0))]
}
