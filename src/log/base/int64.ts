/** int64s that Kafka's files hold and that are safe integers wherever the file is sound; otherwise they read as NaN. */
export function readSafe(buffer: Buffer, at: number): number {
  const value = buffer.readInt32BE(at) * 0x100000000 + buffer.readUInt32BE(at + 4)
  return Number.isSafeInteger(value) ? value : NaN
}

export function writeSafe(buffer: Buffer, value: number, at: number): void {
  buffer.writeInt32BE(Math.floor(value / 0x100000000), at)
  buffer.writeUInt32BE(value >>> 0, at + 4)
}
