import { createServer } from 'node:net'

/**
 * Below those that the system gives to whoever connects, which might take the port of a node that is dead. Each process draws
 * from a block of its own.
 */
const FIRST = 12_000
const IN_A_BLOCK = 200
const BLOCKS = 100

const block = FIRST + (process.pid % BLOCKS) * IN_A_BLOCK
let drawn = Math.floor(Math.random() * IN_A_BLOCK)

/** Free ports of the loopback interface, all different. */
export const freePorts = async (count: number): Promise<number[]> => {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePortRange(1))
  return [...ports]
}

/** The first of several ports of the loopback interface that follow each other, all of them free. */
export const freePortRange = async (count: number): Promise<number> => {
  for (;;) {
    if ((drawn % IN_A_BLOCK) + count > IN_A_BLOCK) drawn = 0
    const first = block + (drawn % IN_A_BLOCK)
    drawn += count
    const ports = Array.from({ length: count }, (_, index) => first + index)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
